// The audit record: search, and proof that nobody has changed it.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ShieldCheck } from "lucide-react";
import { type FormEvent, useState } from "react";
import { type Record as AuditRecord, AuditService } from "~/gen/kvartal/audit/v1/audit_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  type Column,
  Listing,
  Notice,
  Page,
  ProblemNotice,
  TextField,
} from "~/kit";
import { moment } from "~/platform/search";
import { adminText } from "./admin.text";
import { auditText } from "./audit.text";

export interface AuditSearch {
  actor?: string;
  subject?: string;
  type?: string;
  /** `YYYY-MM-DDTHH:MM`, in the time zone of the reader. */
  from?: string;
  to?: string;
}

export function AuditPage() {
  const text = useText(auditText);
  return (
    <Page title={text.title} lead={text.lead}>
      <Chain />
      <Filters />
      <Records />
    </Page>
  );
}

function Chain() {
  const text = useText(auditText);
  const format = useFormat();
  // Only when asked: it reads the whole record.
  const check = useQuery(AuditService.method.verifyChain, {}, { enabled: false, gcTime: 0 });
  const found = check.data;
  return (
    <Card
      title={text.chain}
      actions={
        <Button
          look="primary"
          icon={<ShieldCheck aria-hidden="true" />}
          busy={check.isFetching}
          onClick={() => check.refetch()}
        >
          {text.verify}
        </Button>
      }
    >
      {!found && !check.error && <p className="soft">{text.chainHint}</p>}
      {check.error && <ProblemNotice error={check.error} />}
      {found && (
        <Notice tone={found.intact ? "good" : "danger"} title={found.intact ? text.intact : text.broken}>
          <p>{text.checked(format.number(found.checkedCount))}</p>
          {!found.intact && <p>{text.bad(format.number(found.firstBadSequence), found.problem)}</p>}
          <p>
            {text.head} <code className="mono">{found.headHash}</code>
          </p>
        </Notice>
      )}
    </Card>
  );
}

function Filters() {
  const text = useText(auditText);
  const admin = useText(adminText);
  const search = useSearch({ from: "/admin/audit" });
  const navigate = useNavigate({ from: "/admin/audit" });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: keyof AuditSearch) => String(form.get(name) ?? "").trim() || undefined;
    navigate({
      search: {
        actor: value("actor"),
        subject: value("subject"),
        type: value("type"),
        from: value("from"),
        to: value("to"),
      },
    });
  };
  return (
    <form className="filters" onSubmit={submit} key={JSON.stringify(search)} aria-label={admin.filters}>
      <TextField label={text.actor} name="actor" defaultValue={search.actor} maxLength={64} />
      <TextField label={text.subject} name="subject" defaultValue={search.subject} maxLength={200} />
      <TextField
        label={text.type}
        name="type"
        defaultValue={search.type}
        maxLength={200}
        list="audit-types"
      />
      <datalist id="audit-types">
        {TYPES.map((type) => (
          <option key={type} value={type} />
        ))}
      </datalist>
      <TextField label={text.from} name="from" type="datetime-local" defaultValue={search.from} />
      <TextField label={text.to} name="to" type="datetime-local" defaultValue={search.to} />
      <Button type="submit">{admin.apply}</Button>
    </form>
  );
}

const TYPES = [
  "kvartal.audit.v1.CallAudited",
  "kvartal.identity.v1.RoleGranted",
  "kvartal.identity.v1.RoleRevoked",
  "kvartal.identity.v1.SessionStarted",
  "kvartal.identity.v1.SessionRevoked",
  "kvartal.identity.v1.RefreshTokenReused",
  "kvartal.identity.v1.PasswordChanged",
];

function Records() {
  const text = useText(auditText);
  const format = useFormat();
  const { actor, subject, type, from, to } = useSearch({ from: "/admin/audit" });
  const feed = useInfiniteQuery(
    AuditService.method.listRecords,
    {
      pageSize: 50,
      pageToken: "",
      actorId: actor ?? "",
      subject: subject ?? "",
      type: type ?? "",
      startTime: timestamp(from),
      endTime: timestamp(to),
    },
    { pageParamKey: "pageToken", getNextPageParam: (last) => last.nextPageToken || undefined },
  );
  const columns: readonly Column<AuditRecord>[] = [
    { key: "sequence", head: text.number, number: true, cell: (record) => format.number(record.sequence) },
    { key: "what", head: text.what, cell: (record) => <What record={record} /> },
    {
      key: "outcome",
      head: text.outcome,
      cell: (record) =>
        record.outcome && <Badge tone={record.outcome === "OK" ? "good" : "warn"}>{record.outcome}</Badge>,
    },
    {
      key: "actor",
      head: text.who,
      cell: (record) => <span className="mono">{record.actorId || text.nobody}</span>,
    },
    { key: "subject", head: text.about, cell: (record) => <span className="mono">{record.subject}</span> },
    { key: "time", head: text.when, cell: (record) => <Ago time={record.time} /> },
    { key: "more", head: text.more, quietHead: true, cell: (record) => <Proof record={record} /> },
  ];
  return (
    <Card>
      <Listing
        feed={feed}
        caption={text.title}
        columns={columns}
        rows={feed.data?.pages.flatMap((page) => page.records) ?? []}
        rowKey={(record) => record.eventId}
        empty={text.empty}
      />
    </Card>
  );
}

function What({ record }: { record: AuditRecord }) {
  const name = record.method ? record.method.split("/").at(-1) : record.type.split(".").at(-1);
  return (
    <>
      <strong>{name}</strong>
      <br />
      <span className="soft">{record.source}</span>
    </>
  );
}

function Proof({ record }: { record: AuditRecord }) {
  const text = useText(auditText);
  const [open, setOpen] = useState(false);
  const lines: readonly [string, string][] = [
    [text.type, record.type],
    [text.details, record.details],
    [text.trace, record.traceId],
    [text.previous, record.previousHash],
    [text.hash, record.hash],
  ];
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{text.more}</summary>
      {open && (
        <dl className="stack">
          {lines
            .filter(([, value]) => value !== "")
            .map(([name, value]) => (
              <div key={name}>
                <dt className="hint">{name}</dt>
                <dd className="mono">{value}</dd>
              </div>
            ))}
        </dl>
      )}
    </details>
  );
}

function timestamp(typed: string | undefined) {
  const time = moment(typed);
  return time && timestampFromDate(time);
}
