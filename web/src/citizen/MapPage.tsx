// The live map, and beside it a list of what is in sight: everything the map does can be done in the list.
import "./citizen.css";
import { useQuery } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import { LocateFixed, MapPin } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { OPEN_INCIDENTS, OPEN_REPORTS } from "~/domain/incidents";
import { IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Card, Checkbox, Empty, Page, ProblemNotice, Select, Skeleton, toast } from "~/kit";
import { MapView } from "~/map/MapView";
import { type Bounds, inBounds, type Pin, type View, viewOf } from "~/map/types";
import { IncidentLine, ReportLine } from "./cards";
import { citizenText } from "./citizen.text";
import { pointOf, position, useAreas, useFreshIncidents, usePins, zonesOf } from "./data";
import { JamLine } from "./Jams";
import { LAYERS, type Layer, mapRoute } from "./routes";
import { useFlows, useFreshTraffic, useJams } from "./traffic";

const MOST = 200;
const LISTED = 40;

export function MapPage() {
  const text = useText(citizenText);
  const search = mapRoute.useSearch();
  const navigate = useNavigate();
  const { areas } = useAreas();
  const pinsOf = usePins();
  const [bounds, setBounds] = useState<Bounds>();
  useFreshIncidents();
  useFreshTraffic();
  const layers = search.layers ?? LAYERS;
  const flows = useFlows(layers.includes("flows"));
  const jams = useJams().data?.jams;
  const shownJams = (layers.includes("jams") && jams) || [];
  const incidents = useQuery(IncidentService.method.listIncidents, {
    pageSize: MOST,
    filter: { statuses: [...OPEN_INCIDENTS], areaId: search.area },
  });
  const reports = useQuery(ReportService.method.listReports, {
    pageSize: MOST,
    filter: { statuses: [...OPEN_REPORTS], areaId: search.area },
  });
  const shownIncidents = (layers.includes("incidents") && incidents.data?.incidents) || [];
  const shownReports = (layers.includes("reports") && reports.data?.reports) || [];
  const pins: Pin[] = [
    ...shownIncidents.flatMap(pinsOf.ofIncident),
    ...shownReports.flatMap(pinsOf.ofReport),
  ];
  const zones = useMemo(() => zonesOf(areas, search.area), [areas, search.area]);
  const home = viewOf(
    (areas.find(({ areaId }) => areaId === search.area)?.boundary ?? areas.flatMap((a) => a.boundary)).map(
      pointOf,
    ),
  );
  const view =
    search.lat !== undefined && search.lng !== undefined
      ? { lat: search.lat, lng: search.lng, zoom: search.zoom ?? 13 }
      : home;
  const go = (change: Partial<typeof search>) =>
    navigate({ to: "/map", search: { ...search, ...change }, replace: true, resetScroll: false });
  const moved = (to: View, around: Bounds) => {
    setBounds(around);
    const round = (value: number, digits: number) => Number(value.toFixed(digits));
    go({ lat: round(to.lat, 5), lng: round(to.lng, 5), zoom: round(to.zoom, 2) });
  };
  const locate = () =>
    position().then(
      ({ lat, lng }) => go({ lat, lng, zoom: 15 }),
      () => toast(text.noPlace),
    );
  const toggle = (layer: Layer, on: boolean) =>
    go({ layers: LAYERS.filter((each) => (each === layer ? on : layers.includes(each))) });
  const selected = useDeferredValue(search.selected);
  return (
    <Page title={text.map} lead={text.mapLead} width="wide">
      <div className="filters">
        <Select
          label={text.area}
          value={search.area ?? ""}
          onChange={({ currentTarget }) =>
            go({ area: currentTarget.value || undefined, lat: undefined, lng: undefined, zoom: undefined })
          }
        >
          <option value="">{text.wholeCity}</option>
          {areas.map(({ areaId, displayName }) => (
            <option key={areaId} value={areaId}>
              {displayName}
            </option>
          ))}
        </Select>
        <fieldset className="row">
          <legend className="unseen">{text.show}</legend>
          {LAYERS.map((layer) => (
            <Checkbox
              key={layer}
              label={text.layers[layer]}
              checked={layers.includes(layer)}
              onChange={({ currentTarget }) => toggle(layer, currentTarget.checked)}
            />
          ))}
        </fieldset>
        <Button icon={<LocateFixed aria-hidden="true" />} onClick={locate}>
          {text.myPlace}
        </Button>
        <a className="button button-quiet" href="#list">
          {text.skipMap}
        </a>
      </div>
      {(incidents.isError || reports.isError) && (
        <ProblemNotice
          error={incidents.error ?? reports.error}
          onRetry={() => {
            incidents.refetch();
            reports.refetch();
          }}
        />
      )}
      <div className="atlas">
        <div className="atlas-map">
          {view ? (
            <MapView
              label={text.map}
              pins={pins}
              flows={flows}
              zones={layers.includes("zones") ? zones : []}
              selected={selected}
              onSelect={(id) => go({ selected: id })}
              view={view}
              onView={moved}
            />
          ) : (
            <Skeleton lines={10} />
          )}
        </div>
        <div id="list" tabIndex={-1}>
          <List
            bounds={bounds}
            selected={search.selected}
            lines={[
              ...shownJams.flatMap((jam) =>
                pinsOf.ofJam(jam).map((pin) => ({ pin, line: <JamLine jam={jam} /> })),
              ),
              ...shownIncidents.flatMap((incident) =>
                pinsOf
                  .ofIncident(incident)
                  .map((pin) => ({ pin, line: <IncidentLine incident={incident} /> })),
              ),
              ...shownReports.flatMap((report) =>
                pinsOf.ofReport(report).map((pin) => ({ pin, line: <ReportLine report={report} /> })),
              ),
            ]}
            onShow={(pin) =>
              go({ selected: pin.id, lat: pin.lat, lng: pin.lng, zoom: Math.max(search.zoom ?? 0, 15) })
            }
          />
        </div>
      </div>
    </Page>
  );
}

interface Line {
  pin: Pin;
  line: React.ReactNode;
}

function List({
  lines,
  bounds,
  selected,
  onShow,
}: {
  lines: readonly Line[];
  bounds: Bounds | undefined;
  selected: string | undefined;
  onShow: (pin: Pin) => void;
}) {
  const text = useText(citizenText);
  const near = bounds ? lines.filter(({ pin }) => inBounds(pin, bounds)) : lines;
  // What was chosen on the map stands first, so that it is found without looking for it.
  const ordered = [...near].sort((a, b) => Number(b.pin.id === selected) - Number(a.pin.id === selected));
  return (
    <Card title={text.list} actions={<span className="hint">{text.count(near.length)}</span>}>
      {near.length === 0 && (
        <Empty title={text.nothingInSight}>
          <p>{text.nothingInSightLead}</p>
        </Empty>
      )}
      <ul className="list">
        {ordered.slice(0, LISTED).map(({ pin, line }) => (
          <li key={pin.id} className={pin.id === selected ? "chosen" : undefined}>
            {line}
            <Button
              className="button-small"
              icon={<MapPin aria-hidden="true" />}
              onClick={() => onShow(pin)}
              aria-label={`${text.onMap}: ${pin.label}`}
            >
              {text.onMap}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
