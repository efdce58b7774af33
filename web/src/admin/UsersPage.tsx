// Accounts: who there is, and with which roles.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { roleText } from "~/domain/roles";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { IdentityService, type User } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useText } from "~/i18n/text";
import { Ago, Badge, Card, type Column, Listing, Page, Select, TextField, useSettled, useTyped } from "~/kit";
import { usersText } from "./users.text";

export interface UsersSearch {
  role?: number;
  /** In whose name or address, or which number. */
  q?: string;
}

/** Roles that people can hold. */
export const ROLES: readonly Role[] = Object.values(Role).filter(
  (role): role is Role => typeof role === "number" && role !== Role.UNSPECIFIED && role !== Role.SERVICE,
);

const TYPING_MS = 300;

export function UsersPage() {
  const text = useText(usersText);
  const roles = useText(roleText);
  const { role = Role.UNSPECIFIED, q = "" } = useSearch({ from: "/admin/users" });
  const navigate = useNavigate({ from: "/admin/users" });
  const wanted = useTyped(q, (typed) =>
    navigate({
      search: (before) => ({ ...before, q: typed || undefined }),
      replace: true,
      resetScroll: false,
    }),
  );
  const query = useSettled(q.trim(), TYPING_MS);
  const feed = useInfiniteQuery(
    IdentityService.method.listUsers,
    { role, query, pageSize: 100, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      // While somebody types, the list stays.
      placeholderData: keepPreviousData,
    },
  );
  const rows = feed.data?.pages.flatMap((page) => page.users) ?? [];
  const columns: readonly Column<User>[] = [
    {
      key: "name",
      head: text.name,
      cell: (user) => (
        <Link to="/admin/users/$userId" params={{ userId: user.userId }}>
          {user.displayName}
        </Link>
      ),
    },
    {
      key: "email",
      head: text.email,
      cell: (user) => (
        <>
          {user.email} {!user.emailConfirmed && <Badge tone="warn">{text.notConfirmed}</Badge>}
        </>
      ),
    },
    {
      key: "roles",
      head: text.roles,
      cell: (user) => (
        <span className="roles">
          {user.roles.map((held) => (
            <Badge key={held} tone={held === Role.ADMIN ? "info" : "neutral"}>
              {roles[held]}
            </Badge>
          ))}
        </span>
      ),
    },
    { key: "created", head: text.created, cell: (user) => <Ago time={user.createTime} /> },
  ];
  return (
    <Page title={text.title} lead={text.lead}>
      <div className="filters">
        <Select
          label={text.role}
          value={role}
          onChange={(event) =>
            navigate({ search: { role: Number(event.target.value) || undefined, q: q || undefined } })
          }
        >
          <option value={Role.UNSPECIFIED}>{text.anyRole}</option>
          {ROLES.map((each) => (
            <option key={each} value={each}>
              {roles[each]}
            </option>
          ))}
        </Select>
        <TextField label={text.find} type="search" maxLength={100} hint={text.findHint} {...wanted} />
      </div>
      <Card>
        <Listing
          feed={feed}
          caption={text.title}
          columns={columns}
          rows={rows}
          rowKey={(user) => user.userId}
          empty={text.nobody}
        />
      </Card>
    </Page>
  );
}
