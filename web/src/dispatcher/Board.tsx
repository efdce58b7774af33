// The live board: one list of incidents or reports, and beside it what is selected, with map, timeline and actions.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Keyboard, Plus } from "lucide-react";
import { useRef, useState } from "react";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { type Incident, IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { type Report, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Empty, Page, ProblemNotice, Segmented, Skeleton } from "~/kit";
import { useHasRole } from "~/platform/session";
import { BoardFilters } from "./BoardFilters";
import { BoardList } from "./BoardList";
import { BulkBar } from "./BulkBar";
import type { BoardSearch } from "./boardSearch";
import { dispatchText } from "./dispatch.text";
import { IncidentPanel } from "./IncidentPanel";
import { type LiveList, useIncidents, useReports } from "./live";
import { NewIncident } from "./NewIncident";
import { ReportPanel } from "./ReportPanel";
import { type BoardRow, idOf, isIncident, titleOf } from "./rows";
import { ShortcutHelp } from "./ShortcutHelp";
import { Suggestions } from "./Suggestions";
import { useKeys } from "./useKeys";

/** As in dispatch.css: list and detail are below each other. */
const NARROW = "(max-width: 66rem)";

type Asked = "new" | "help";

export function Board() {
  const text = useText(dispatchText);
  const search = useSearch({ from: "/dispatch/" });
  const navigate = useNavigate({ from: "/dispatch/" });
  const change = (part: BoardSearch, replace = false) =>
    navigate({ search: (before) => ({ ...before, ...part }), replace, resetScroll: false });
  // Moderators look at reports only.
  const dispatcher = useHasRole(Role.DISPATCHER);
  const shown = dispatcher ? (search.list ?? "incidents") : "reports";
  const incidents = useIncidents(search, shown === "incidents");
  const reports = useReports(search, shown === "reports");
  const rows: readonly BoardRow[] = shown === "incidents" ? incidents.rows : reports.rows;
  const { feed, find } = shown === "incidents" ? incidents : reports;
  const [asked, setAsked] = useState<Asked>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const detail = useRef<HTMLElement>(null);

  const index = rows.findIndex((row) => idOf(row) === search.sel);
  const current = search.sel === undefined ? undefined : find(search.sel);
  const select = (row: BoardRow | undefined) => row && change({ sel: idOf(row) }, true);
  const step = (by: number) =>
    select(rows[index < 0 ? 0 : Math.min(Math.max(index + by, 0), rows.length - 1)]);
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const show = (list: BoardSearch["list"]) => {
    setChosen(new Set());
    change({ list, status: undefined, sel: undefined });
  };
  useKeys([
    { keys: ["j", "ArrowDown"], run: () => step(1) },
    { keys: ["k", "ArrowUp"], run: () => step(-1) },
    { keys: ["Home"], run: () => select(rows[0]) },
    { keys: ["x"], run: () => search.sel && toggle(search.sel) },
    { keys: ["o", "Enter"], run: () => detail.current?.focus() },
    { keys: ["n"], run: () => dispatcher && setAsked("new") },
    { keys: ["?", "h"], run: () => setAsked("help") },
    { keys: ["/", "."], run: () => document.getElementById("board-search")?.focus() },
    { keys: ["1"], run: () => show(undefined) },
    { keys: ["2"], run: () => show("reports") },
    { keys: ["Escape"], run: () => setChosen(new Set()) },
  ]);

  return (
    <Page title={text.board} width="wide" quietTitle>
      <div className="board-bar">
        {dispatcher && (
          <Segmented
            label={text.lists}
            value={shown}
            options={[
              { value: "incidents", label: text.incidents },
              { value: "reports", label: text.reports },
            ]}
            onChange={(list) => show(list === "reports" ? list : undefined)}
          />
        )}
        <BoardFilters
          search={{ ...search, list: shown === "reports" ? shown : undefined }}
          onChange={change}
        />
        <span className="soft board-count" role="status">
          {text.shown(rows.length)}
        </span>
        <Button
          look="quiet"
          iconOnly
          icon={<Keyboard aria-hidden="true" />}
          title={text.shortcuts}
          onClick={() => setAsked("help")}
        >
          {text.shortcuts}
        </Button>
        {dispatcher && (
          <Button look="primary" icon={<Plus aria-hidden="true" />} onClick={() => setAsked("new")}>
            {text.newIncident}
          </Button>
        )}
      </div>
      <div className="board">
        <section className="board-side" aria-label={shown === "incidents" ? text.incidents : text.reports}>
          {dispatcher && chosen.size > 0 && (
            <BulkBar
              rows={rows.filter((row) => chosen.has(idOf(row)))}
              onDone={(row) => putRow(row, incidents, reports)}
              onKeep={(kept) => setChosen(new Set(kept.map(idOf)))}
            />
          )}
          {shown === "incidents" && (
            <Suggestions
              onAccepted={(incident) => {
                incidents.put(incident);
                change({ sel: incident.incidentId });
              }}
            />
          )}
          <BoardList
            rows={rows}
            feed={feed}
            selected={search.sel}
            chosen={chosen}
            onSelect={(row) => {
              select(row);
              // Where the list is above it, what was chosen is out of sight.
              if (matchMedia(NARROW).matches) detail.current?.scrollIntoView();
            }}
            onToggle={toggle}
            empty={shown === "incidents" ? text.emptyIncidents : text.emptyReports}
          />
        </section>
        <section
          className="board-detail"
          ref={detail}
          tabIndex={-1}
          aria-label={current ? titleOf(current) : text.choose}
        >
          <Detail
            row={current}
            selected={search.sel}
            list={shown}
            onChange={(row) => putRow(row, incidents, reports)}
          />
        </section>
      </div>
      {asked === "help" && <ShortcutHelp onClose={() => setAsked(undefined)} />}
      {asked === "new" && (
        <NewIncident
          onClose={() => setAsked(undefined)}
          onLogged={(incident) => {
            setAsked(undefined);
            incidents.put(incident);
            change({ list: undefined, sel: incident.incidentId });
          }}
        />
      )}
    </Page>
  );
}

interface DetailProps {
  row: BoardRow | undefined;
  selected: string | undefined;
  list: "incidents" | "reports";
  onChange: (row: BoardRow) => void;
}

/** What is selected. It stays when the list lacks it, and with it the form that somebody fills in about it. */
function Detail({ row, selected, list, onChange }: DetailProps) {
  const text = useText(dispatchText);
  const away = row === undefined && selected !== undefined;
  const incident = useQuery(
    IncidentService.method.getIncident,
    { incidentId: selected ?? "" },
    { enabled: away && list === "incidents" },
  );
  const report = useQuery(
    ReportService.method.getReport,
    { report: selected ?? "" },
    { enabled: away && list === "reports" },
  );
  const query = list === "incidents" ? incident : report;
  const [before, setBefore] = useState(row);
  if (row && row !== before) setBefore(row);
  const read = list === "incidents" ? incident.data?.incident : report.data?.report;
  const shown = row ?? newest([read, before], selected);
  const changed = (next: BoardRow) => {
    onChange(next);
    if (away) query.refetch();
  };
  if (!shown) {
    if (away && query.isPending) return <Skeleton lines={8} />;
    if (away && query.error) return <ProblemNotice error={query.error} onRetry={() => query.refetch()} />;
    return (
      <Empty title={text.choose}>
        <p>{text.chooseHint}</p>
      </Empty>
    );
  }
  if (isIncident(shown)) return <IncidentPanel key={shown.incidentId} incident={shown} onChange={changed} />;
  return <ReportPanel key={shown.reportId} report={shown} onChange={changed} />;
}

/** The one of this id that changed last. */
function newest(rows: readonly (BoardRow | undefined)[], id: string | undefined): BoardRow | undefined {
  const changed = ({ updateTime }: BoardRow) => (updateTime ? timestampMs(updateTime) : 0);
  return rows
    .flatMap((row) => (row && idOf(row) === id ? [row] : []))
    .sort((a, b) => changed(b) - changed(a))[0];
}

function putRow(row: BoardRow, incidents: LiveList<Incident>, reports: LiveList<Report>): void {
  if (isIncident(row)) incidents.put(row);
  else reports.put(row);
}
