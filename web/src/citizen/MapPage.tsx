// The live map, and beside it a list of what is in sight: everything the map does can be done in the list.
import "./citizen.css";
import { useQuery } from "@connectrpc/connect-query";
import { LocateFixed } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { CameraBadge, CameraFrame, cameraName, cameraTone } from "~/domain/camera";
import { pointOf, useAreas } from "~/domain/catalogue";
import { OPEN_INCIDENTS, OPEN_REPORTS } from "~/domain/incidents";
import { IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import type { Camera } from "~/gen/kvartal/traffic/v1/camera_pb.js";
import { useText } from "~/i18n/text";
import { Button, Checkbox, Notice, Page, ProblemNotice, Segmented, Select, Skeleton, toast } from "~/kit";
import { MapView } from "~/map/MapView";
import { type Bounds, type Pin, type View, viewOf } from "~/map/types";
import { IncidentLine, ReportLine } from "./cards";
import { citizenText } from "./citizen.text";
import { position, useFreshIncidents, usePins } from "./data";
import { useCameras, useFlows } from "./flows";
import { JamLine } from "./Jams";
import { MapList } from "./MapList";
import { RoadCard } from "./RoadCard";
import { AHEAD, LAYERS, type Layer, mapRoute } from "./routes";
import { useFreshTraffic, useJams } from "./traffic";
import { trafficPageText } from "./traffic.text";

const MOST = 200;

export function MapPage() {
  const text = useText(citizenText);
  const traffic = useText(trafficPageText);
  const search = mapRoute.useSearch();
  const navigate = mapRoute.useNavigate();
  const { areas, zones: all } = useAreas();
  const pinsOf = usePins();
  const [bounds, setBounds] = useState<Bounds>();
  useFreshIncidents();
  useFreshTraffic();
  const layers = search.layers ?? LAYERS;
  const { ahead = "now" } = search;
  const { flows, unknown, error } = useFlows(layers.includes("flows"), ahead === "now" ? 0 : Number(ahead));
  const cameras = useCameras(layers.includes("cameras"));
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
    ...cameras.flatMap(cameraPin),
  ];
  const road = flows.find(({ id }) => id === search.selected)?.id;
  const zones = useMemo(
    () => all.map((zone) => ({ ...zone, chosen: zone.id === search.area })),
    [all, search.area],
  );
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
    navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false });
  const moved = (to: View, around: Bounds, asked: boolean) => {
    setBounds(around);
    if (asked) return;
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
        {layers.includes("flows") && (
          <Segmented
            label={traffic.ahead}
            value={ahead}
            options={AHEAD.map((value) => ({
              value,
              label: value === "now" ? traffic.now : traffic.inMinutes(value),
            }))}
            onChange={(value) => go({ ahead: value === "now" ? undefined : value })}
          />
        )}
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
      {error !== null && <ProblemNotice error={error} />}
      {unknown && <Notice tone="info" title={traffic.noForecast} />}
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
          {road && <RoadCard segmentId={road} onClose={() => go({ selected: undefined })} />}
          <MapList
            bounds={bounds}
            selected={search.selected}
            lines={[
              ...linesOf(shownJams, pinsOf.ofJam, (jam) => <JamLine jam={jam} />),
              ...linesOf(shownIncidents, pinsOf.ofIncident, (incident) => (
                <IncidentLine incident={incident} />
              )),
              ...linesOf(shownReports, pinsOf.ofReport, (report) => <ReportLine report={report} />),
              ...linesOf(cameras, cameraPin, (camera) => (
                <article className="line">
                  <h3>{cameraName(camera)}</h3>
                  <p className="row">
                    <CameraBadge camera={camera} />
                  </p>
                  {camera.cameraId === search.selected && <CameraFrame camera={camera} />}
                </article>
              )),
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

function linesOf<T>(things: readonly T[], pins: (thing: T) => Pin[], line: (thing: T) => React.ReactNode) {
  return things.flatMap((thing) => pins(thing).map((pin) => ({ pin, line: line(thing) })));
}

function cameraPin(camera: Camera): Pin[] {
  const { cameraId: id, location, health } = camera;
  if (!location) return [];
  return [{ ...pointOf(location), id, kind: "camera", tone: cameraTone[health], label: cameraName(camera) }];
}
