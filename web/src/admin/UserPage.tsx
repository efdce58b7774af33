// One account: its roles and its sessions.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Link, useParams } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { useState } from "react";
import { roleText } from "~/domain/roles";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { IdentityService, type Session, type User } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  Checkbox,
  type Column,
  Dialog,
  Listing,
  Page,
  ProblemNotice,
  Skeleton,
  toast,
  toastError,
} from "~/kit";
import { adminText } from "./admin.text";
import { ROLES } from "./UsersPage";
import { usersText } from "./users.text";

export function UserPage() {
  const { userId } = useParams({ from: "/admin/users/$userId" });
  const text = useText(usersText);
  const query = useQuery(IdentityService.method.getUser, { userId });
  const user = query.data?.user;
  return (
    <Page title={user?.displayName ?? text.account} lead={<Link to="/admin/users">{text.back}</Link>}>
      {query.isPending && <Skeleton />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {user && (
        <>
          <Facts user={user} />
          <Roles user={user} onChange={() => query.refetch()} />
          <Sessions userId={userId} />
        </>
      )}
    </Page>
  );
}

function Facts({ user }: { user: User }) {
  const text = useText(usersText);
  const admin = useText(adminText);
  const format = useFormat();
  return (
    <Card title={text.account}>
      <dl className="facts">
        <dt>{text.email}</dt>
        <dd>
          {user.email}{" "}
          <Badge tone={user.emailConfirmed ? "good" : "warn"}>
            {user.emailConfirmed ? text.confirmed : text.notConfirmed}
          </Badge>
        </dd>
        <dt>{text.phone}</dt>
        <dd>{user.phone || "–"}</dd>
        <dt>{text.languageAndZone}</dt>
        <dd>{`${user.locale}, ${user.timeZone}`}</dd>
        <dt>{text.created}</dt>
        <dd>{user.createTime ? format.dateTime(user.createTime) : "–"}</dd>
        <dt>{text.id}</dt>
        <dd>
          <span className="mono">{user.userId}</span>
        </dd>
      </dl>
      <p>
        <Link to="/admin/audit" search={{ actor: user.userId }}>
          {`${admin.audit}: ${text.doneBy}`}
        </Link>
      </p>
    </Card>
  );
}

function Roles({ user, onChange }: { user: User; onChange: () => void }) {
  const text = useText(usersText);
  const roles = useText(roleText);
  const grant = useMutation(IdentityService.method.grantRole, { onError: toastError });
  const revoke = useMutation(IdentityService.method.revokeRole, { onError: toastError });
  const busy = grant.isPending || revoke.isPending;
  const set = async (role: Role, held: boolean) => {
    const change = { userId: user.userId, role };
    const options = {
      onSuccess: () => {
        toast(held ? text.granted(roles[role]) : text.revoked(roles[role]));
        onChange();
      },
    };
    if (held) grant.mutate(change, options);
    else revoke.mutate(change, options);
  };
  return (
    <Card title={text.roles}>
      <p className="soft">{text.rolesHint}</p>
      <div className="filters">
        {ROLES.map((role) => (
          <Checkbox
            key={role}
            label={roles[role]}
            checked={user.roles.includes(role)}
            // Everyone stays a citizen.
            disabled={busy || (role === Role.CITIZEN && user.roles.includes(role))}
            onChange={(event) => set(role, event.target.checked)}
          />
        ))}
      </div>
    </Card>
  );
}

function Sessions({ userId }: { userId: string }) {
  const text = useText(usersText);
  const admin = useText(adminText);
  const feed = useQuery(IdentityService.method.listUserSessions, { userId });
  const [asking, setAsking] = useState(false);
  const revoke = useMutation(IdentityService.method.revokeUserSessions, {
    onSuccess: ({ sessionCount }) => {
      toast(text.ended(sessionCount));
      feed.refetch();
    },
    onError: toastError,
  });
  const columns: readonly Column<Session>[] = [
    { key: "device", head: text.device, cell: (session) => session.userAgent || "–" },
    { key: "address", head: text.address, cell: (session) => session.address || "–" },
    { key: "created", head: text.signedIn, cell: (session) => <Ago time={session.createTime} /> },
    { key: "seen", head: text.seen, cell: (session) => <Ago time={session.lastSeenTime} /> },
    {
      key: "end",
      head: text.end,
      quietHead: true,
      cell: (session) => (
        <Button
          icon={<LogOut aria-hidden="true" />}
          busy={revoke.isPending && revoke.variables?.sessionId === session.sessionId}
          onClick={() => revoke.mutate({ userId, sessionId: session.sessionId })}
        >
          {text.end}
        </Button>
      ),
    },
  ];
  const rows = feed.data?.sessions ?? [];
  return (
    <Card
      title={text.sessions}
      actions={
        <Button look="danger" disabled={rows.length === 0} onClick={() => setAsking(true)}>
          {text.endAll}
        </Button>
      }
    >
      <Listing
        feed={feed}
        caption={text.sessions}
        columns={columns}
        rows={rows}
        rowKey={(session) => session.sessionId}
        empty={text.noSessions}
      />
      {asking && (
        <Dialog
          title={text.endAll}
          onClose={() => setAsking(false)}
          actions={
            <>
              <Button onClick={() => setAsking(false)}>{admin.cancel}</Button>
              <Button
                look="danger"
                onClick={() => {
                  revoke.mutate({ userId, sessionId: "" });
                  setAsking(false);
                }}
              >
                {text.endAll}
              </Button>
            </>
          }
        >
          <p>{text.endAllHint}</p>
        </Dialog>
      )}
    </Card>
  );
}
