// The list of the board: one dense line for each incident or report, and a box to choose several.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { EyeOff, Link2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { useCategories } from "~/domain/catalogue";
import { incidentText, incidentTone, priorityTone, reportTone } from "~/domain/incidents";
import { type Incident, Priority } from "~/gen/kvartal/incident/v1/incident_pb.js";
import type { Report } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Ago, Badge, Empty, type Feed, More, ProblemNotice, Skeleton, useNow } from "~/kit";
import { dispatchText } from "./dispatch.text";
import { usePeople } from "./people";
import { type BoardRow, idOf, isIncident, titleOf } from "./rows";

interface Props {
  rows: readonly BoardRow[];
  feed: Feed;
  selected: string | undefined;
  chosen: ReadonlySet<string>;
  onSelect: (row: BoardRow) => void;
  onToggle: (id: string) => void;
  empty: string;
}

export function BoardList({ rows, feed, selected, chosen, onSelect, onToggle, empty }: Props) {
  const text = useText(dispatchText);
  if (feed.error && rows.length === 0) return <ProblemNotice error={feed.error} onRetry={feed.refetch} />;
  if (feed.isPending) return <Skeleton lines={10} />;
  if (rows.length === 0) return <Empty title={empty} />;
  return (
    <>
      <ul className="board-list">
        {rows.map((row) => {
          const id = idOf(row);
          return (
            <Item key={id} selected={id === selected}>
              <input
                type="checkbox"
                aria-label={text.select(titleOf(row))}
                checked={chosen.has(id)}
                onChange={() => onToggle(id)}
              />
              <button type="button" aria-current={id === selected || undefined} onClick={() => onSelect(row)}>
                {isIncident(row) ? <IncidentLine incident={row} /> : <ReportLine report={row} />}
              </button>
            </Item>
          );
        })}
      </ul>
      <More
        shown={feed.hasNextPage ?? false}
        busy={feed.isFetchingNextPage ?? false}
        onClick={() => feed.fetchNextPage?.()}
      />
    </>
  );
}

function Item({ selected, children }: { selected: boolean; children: React.ReactNode }) {
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    const side = item.current?.closest(".board-side");
    if (!selected || !item.current || !side) return;
    // The list alone scrolls: the page stays where the reader has it.
    const [row, box] = [item.current.getBoundingClientRect(), side.getBoundingClientRect()];
    if (row.top < box.top) side.scrollTop -= box.top - row.top;
    else if (row.bottom > box.bottom) side.scrollTop += row.bottom - box.bottom;
  }, [selected]);
  return (
    <li ref={item} className={selected ? "selected" : undefined}>
      {children}
    </li>
  );
}

function IncidentLine({ incident }: { incident: Incident }) {
  const text = useText(dispatchText);
  const words = useText(incidentText);
  const people = usePeople();
  const who = people.name(incident.assigneeId) ?? incident.team;
  return (
    <span className={`line line-${Priority[incident.priority]?.toLowerCase()}`}>
      <span className="line-title">{incident.title}</span>
      <span className="line-time">
        <Ago time={incident.startTime} />
      </span>
      <span className="line-facts">
        <Badge tone={incidentTone[incident.status]}>{words.incidentStatus[incident.status]}</Badge>
        {incident.priority >= Priority.HIGH && (
          <Badge tone={priorityTone[incident.priority]}>{words.priority[incident.priority]}</Badge>
        )}
        <span>{words.kind[incident.kind]}</span>
        {incident.place?.address && <span>{incident.place.address}</span>}
        {who && <span>{who}</span>}
        {incident.reportIds.length > 0 && <span>{text.linked(incident.reportIds.length)}</span>}
      </span>
    </span>
  );
}

function ReportLine({ report }: { report: Report }) {
  const text = useText(dispatchText);
  const words = useText(incidentText);
  const categories = useCategories();
  const now = useNow();
  const overdue = report.answer === "" && report.answerDueTime && timestampMs(report.answerDueTime) < now;
  return (
    <span className="line">
      <span className="line-title">{report.description}</span>
      <span className="line-time">
        <Ago time={report.createTime} />
      </span>
      <span className="line-facts">
        <Badge tone={reportTone[report.status]}>{words.reportStatus[report.status]}</Badge>
        {overdue && <Badge tone="danger">{text.overdue}</Badge>}
        <span>{categories.name(report.categoryId)}</span>
        {report.address && <span>{report.address}</span>}
        <span className="line-number">{report.trackingNumber}</span>
        {report.incidentId !== "" && <Link2 aria-hidden="true" />}
        {report.hidden && (
          <span>
            <EyeOff aria-hidden="true" /> {text.hidden}
          </span>
        )}
      </span>
    </span>
  );
}
