// The tracking page of a report: where it stands, what happened, and what the reader can say to it.
import "./citizen.css";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { pointOf, useAreas, useCategories } from "~/domain/catalogue";
import { incidentText, OPEN_REPORTS, reportTone } from "~/domain/incidents";
import { type GetReportResponse, ReportService, ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Ago, Badge, Card, Notice, Page, ProblemNotice, Skeleton, useNow } from "~/kit";
import { MapView } from "~/map/MapView";
import { isNotFound } from "~/platform/query";
import { NotFound } from "~/shell/ErrorPages";
import { citizenText } from "./citizen.text";
import { usePins } from "./data";
import { Follow } from "./Follow";
import { reportText } from "./report.text";
import { reportRoute } from "./routes";
import { Vote } from "./Vote";

/** Reports have no public stream; what the page shows is never older than this. */
const EVERY_MS = 15_000;

export function ReportPage() {
  const text = useText(reportText);
  const { report } = reportRoute.useParams();
  const answer = useQuery(ReportService.method.getReport, { report }, { refetchInterval: EVERY_MS });
  if (isNotFound(answer.error)) return <NotFound />;
  if (!answer.data?.report) {
    return (
      <Page title={text.report}>
        {answer.isError ? (
          <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} />
        ) : (
          <Skeleton lines={8} />
        )}
      </Page>
    );
  }
  return <Shown answer={answer.data} onChanged={() => answer.refetch()} />;
}

function Shown({ answer, onChanged }: { answer: GetReportResponse; onChanged: () => void }) {
  const text = useText(reportText);
  const words = useText(incidentText);
  const map = useText(citizenText);
  const { name } = useCategories();
  const pins = usePins();
  const { report } = answer;
  if (!report) return null;
  const place = report.location && pointOf(report.location);
  return (
    <Page
      title={name(report.categoryId)}
      lead={
        <span className="row">
          <Badge tone={reportTone[report.status]}>{words.reportStatus[report.status]}</Badge>
          <code>{report.trackingNumber}</code>
          {report.hidden && <Badge tone="danger">{text.hidden}</Badge>}
        </span>
      }
      actions={<Follow report={report} onChanged={onChanged} />}
    >
      {report.answer && (
        <Notice tone="info" title={text.answer}>
          <p>{report.answer}</p>
        </Notice>
      )}
      <Vote report={report} timeline={answer.timeline} onChanged={onChanged} />
      {report.photoIds.length > 0 && (
        <div className="gallery">
          {report.photoIds.map((id, index) => (
            <a key={id} href={`/photos/${id}`} target="_blank" rel="noreferrer">
              <img src={`/photos/${id}`} alt={text.photoAlt(index + 1)} loading="lazy" />
            </a>
          ))}
        </div>
      )}
      <div className="columns">
        <Card title={text.answers}>
          <p>{report.description}</p>
          <Facts answer={answer} />
        </Card>
        <Card title={text.history}>
          <History answer={answer} />
        </Card>
        {place && (
          <Card
            title={text.place}
            actions={
              <Link to="/map" search={{ ...place, zoom: 15, selected: report.reportId }}>
                {map.onMap}
              </Link>
            }
          >
            <div className="map-small">
              <MapView
                beside
                label={text.place}
                pins={pins.ofReport(report)}
                selected={report.reportId}
                view={{ ...place, zoom: 15 }}
              />
            </div>
          </Card>
        )}
      </div>
    </Page>
  );
}

function Facts({ answer: { report } }: { answer: GetReportResponse }) {
  const text = useText(reportText);
  const map = useText(citizenText);
  const format = useFormat();
  const area = useAreas();
  const now = useNow();
  const { categories } = useCategories();
  if (!report) return null;
  const questions = categories.find(({ categoryId }) => categoryId === report.categoryId)?.questions ?? [];
  const open = OPEN_REPORTS.includes(report.status) && report.status !== ReportStatus.FIXED;
  const overdue = report.answerDueTime && timestampMs(report.answerDueTime) < now;
  return (
    <dl className="facts">
      <dt>{map.where}</dt>
      <dd>{[report.address || map.unknownPlace, area.name(report.areaId)].filter(Boolean).join(", ")}</dd>
      <dt>{text.received}</dt>
      <dd>{report.createTime && format.dateTime(report.createTime)}</dd>
      {open && report.answer === "" && report.answerDueTime && (
        <>
          <dt>{text.due}</dt>
          <dd>
            {format.date(report.answerDueTime)} {overdue && <Badge tone="danger">{text.dueOver}</Badge>}
          </dd>
        </>
      )}
      {Object.entries(report.answers).map(([key, value]) => (
        <Question
          key={key}
          question={questions.find((question) => question.key === key)}
          name={key}
          value={value}
        />
      ))}
      {report.team && (
        <>
          <dt>{map.team}</dt>
          <dd>{report.team}</dd>
        </>
      )}
      {report.incidentId && (
        <>
          <dt>{map.incident}</dt>
          <dd>
            <Link to="/incidents/$incidentId" params={{ incidentId: report.incidentId }}>
              {text.ofIncident}
            </Link>
          </dd>
        </>
      )}
      {report.duplicateOf && (
        <>
          <dt>{text.report}</dt>
          <dd>
            <Link to="/reports/$report" params={{ report: report.duplicateOf }}>
              {text.duplicateOf}
            </Link>
          </dd>
        </>
      )}
    </dl>
  );
}

function Question({
  question,
  name,
  value,
}: {
  question: { textRu: string; textEn: string } | undefined;
  name: string;
  value: string;
}) {
  const english = useText({ ru: false, en: true });
  return (
    <>
      <dt>{question ? (english ? question.textEn : question.textRu) : name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function History({ answer: { timeline } }: { answer: GetReportResponse }) {
  const text = useText(reportText);
  const words = useText(incidentText);
  const status = (name: string) =>
    words.reportStatus[ReportStatus[name as keyof typeof ReportStatus] ?? ReportStatus.UNSPECIFIED];
  const title = (action: string, after: string) => {
    const known = text.actions[action as keyof typeof text.actions];
    return typeof known === "function" ? known(status(after)) : (known ?? action);
  };
  return (
    <ol className="timeline">
      {timeline.map((entry) => (
        <li key={entry.entryId}>
          <p>
            <strong>{title(entry.action, entry.after)}</strong>
          </p>
          {entry.comment && <p>{entry.comment}</p>}
          <p className="hint">
            <Ago time={entry.time} />
          </p>
        </li>
      ))}
    </ol>
  );
}
