// One report: what was said, where, photos, timeline, and everything that can be done.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { Eye, EyeOff, Link2, MessageSquareReply, Unlink } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useCategories } from "~/domain/catalogue";
import { incidentText, reportTone } from "~/domain/incidents";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { type Report, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Ago, Badge, Button, Card, ProblemNotice, Skeleton, toast, toastError, useNow } from "~/kit";
import { useHasRole } from "~/platform/session";
import { AnswerDialog } from "./AnswerDialog";
import { dispatchText } from "./dispatch.text";
import { LinkDialog } from "./LinkDialog";
import { ModerateDialog } from "./ModerateDialog";
import { panelText } from "./panel.text";
import type { BoardRow } from "./rows";
import { Timeline } from "./Timeline";
import { useKeys } from "./useKeys";
import { reportPin, Where } from "./Where";

type Asked = "answer" | "link" | "moderate";

export function ReportPanel({
  report,
  onChange,
  standalone = false,
}: {
  report: Report;
  onChange: (row: BoardRow) => void;
  standalone?: boolean;
}) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const moderator = useHasRole(Role.MODERATOR);
  const dispatcher = useHasRole(Role.DISPATCHER);
  const [asked, setAsked] = useState<Asked>();
  const query = useQuery(
    ReportService.method.getReport,
    { report: report.reportId },
    { refetchInterval: 15_000 },
  );
  const pin = reportPin(report);
  const close = () => setAsked(undefined);
  const changed = (next: Report | undefined) => {
    close();
    query.refetch();
    if (next) onChange(next);
  };
  const unlink = useMutation(ReportService.method.unlinkReport, {
    onSuccess: (answer) => {
      toast(text.unlinked);
      changed(answer.report);
    },
    onError: toastError,
  });
  useKeys([
    { keys: ["a"], run: () => dispatcher && setAsked("answer") },
    { keys: ["l"], run: () => dispatcher && report.incidentId === "" && setAsked("link") },
  ]);
  return (
    <div className="panel">
      <header className="panel-head">
        {!standalone && <h2>{report.trackingNumber}</h2>}
        <div className="row">
          <Badge tone={reportTone[report.status]}>{words.reportStatus[report.status]}</Badge>
          <Due report={report} />
          {report.hidden && <Badge tone="warn">{dispatch.hidden}</Badge>}
          {!standalone && (
            <Link to="/dispatch/reports/$reportId" params={{ reportId: report.reportId }}>
              {dispatch.openPage}
            </Link>
          )}
        </div>
        <p>{report.description}</p>
      </header>
      <div className="row" role="toolbar" aria-label={text.move}>
        {dispatcher && (
          <>
            <Button
              look="primary"
              icon={<MessageSquareReply aria-hidden="true" />}
              onClick={() => setAsked("answer")}
            >
              {text.answer}
            </Button>
            {report.incidentId === "" ? (
              <Button icon={<Link2 aria-hidden="true" />} onClick={() => setAsked("link")}>
                {text.link}
              </Button>
            ) : (
              <Button
                icon={<Unlink aria-hidden="true" />}
                busy={unlink.isPending}
                onClick={() => unlink.mutate({ reportId: report.reportId })}
              >
                {text.unlink}
              </Button>
            )}
          </>
        )}
        {moderator && (
          <Button
            icon={report.hidden ? <Eye aria-hidden="true" /> : <EyeOff aria-hidden="true" />}
            onClick={() => setAsked("moderate")}
          >
            {report.hidden ? text.show : text.hide}
          </Button>
        )}
      </div>
      <div className="panel-pair">
        <Where
          label={`${text.map}: ${report.address || report.trackingNumber}`}
          pins={pin ? [pin] : []}
          selected={report.reportId}
          near={pin ? [pin] : []}
        />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and without a pointer only what has the focus does */}
        <div className="panel-timeline" tabIndex={0}>
          {query.isPending && <Skeleton lines={5} />}
          {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
          <Timeline entries={query.data?.timeline ?? []} of="report" />
        </div>
      </div>
      <Photos report={report} />
      <Facts report={report} />
      {asked === "answer" && <AnswerDialog reports={[report]} onClose={close} onChange={changed} />}
      {asked === "link" && <LinkDialog report={report} onClose={close} onChange={changed} />}
      {asked === "moderate" && <ModerateDialog report={report} onClose={close} onChange={changed} />}
    </div>
  );
}

function Due({ report }: { report: Report }) {
  const dispatch = useText(dispatchText);
  const now = useNow();
  if (!report.answerDueTime || report.answer !== "") return null;
  const overdue = timestampMs(report.answerDueTime) < now;
  return (
    <Badge tone={overdue ? "danger" : "neutral"}>
      {overdue ? dispatch.overdue : dispatch.due}
      {": "}
      <Ago time={report.answerDueTime} />
    </Badge>
  );
}

function Photos({ report }: { report: Report }) {
  const text = useText(panelText);
  if (report.photoIds.length === 0) return null;
  return (
    <Card title={text.photos}>
      <div className="row">
        {report.photoIds.map((id, index) => (
          <a key={id} href={`/photos/${id}`} target="_blank" rel="noreferrer">
            <img
              src={`/photos/${id}?thumbnail=true`}
              alt={text.photo(index + 1)}
              width={160}
              height={120}
              className="photo"
              loading="lazy"
            />
          </a>
        ))}
      </div>
    </Card>
  );
}

function Facts({ report }: { report: Report }) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const format = useFormat();
  const categories = useCategories();
  const answers = Object.entries(report.answers);
  const lines: readonly [string, ReactNode][] = [
    [text.category, categories.name(report.categoryId)],
    [dispatch.place, report.address || "–"],
    [dispatch.team, report.team || "–"],
    [text.reporter, report.reporterId === "" ? text.anonymous : report.reporterId.slice(0, 8)],
    [text.followers, format.number(report.subscriberCount)],
    [text.votes, `${format.number(report.confirmedCount)} / ${format.number(report.refutedCount)}`],
    [
      text.incident,
      report.incidentId === "" ? (
        "–"
      ) : (
        <Link key="incident" to="/dispatch/incidents/$incidentId" params={{ incidentId: report.incidentId }}>
          {report.incidentId.slice(0, 8)}
        </Link>
      ),
    ],
    [text.cityAnswer, report.answer || "–"],
    [text.answers, answers.length === 0 ? "–" : answers.map(([key, value]) => `${key}: ${value}`).join("; ")],
  ];
  return (
    <Card>
      <dl className="facts">
        {lines.map(([name, value]) => (
          <div key={name} className="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
