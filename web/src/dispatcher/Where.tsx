// The map of a panel or a form: the parts of the city, what is shown, and where a place is picked.
import { useMemo } from "react";
import { pointOf, useAreas } from "~/domain/catalogue";
import { priorityTone, reportTone } from "~/domain/incidents";
import type { Incident } from "~/gen/kvartal/incident/v1/incident_pb.js";
import type { Report } from "~/gen/kvartal/incident/v1/report_pb.js";
import { MapView } from "~/map/MapView";
import { type Pin, type Point, viewOf } from "~/map/types";

export function Where({
  label,
  pins = [],
  selected,
  near,
  place,
  onPick,
  onSelect,
}: {
  label: string;
  pins?: readonly Pin[];
  selected?: string;
  /** What the map shows at first; the whole city when absent. */
  near?: readonly Point[];
  place?: Point | undefined;
  onPick?: (point: Point) => void;
  onSelect?: (id: string) => void;
}) {
  const { zones } = useAreas();
  const around = near && near.length > 0 ? near : zones.flatMap((zone) => zone.boundary);
  const key = around.map(({ lat, lng }) => `${lat},${lng}`).join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the points are new objects each time; the key says what they are
  const view = useMemo(() => viewOf(around), [key]);
  if (!view) return null;
  return (
    <MapView
      label={label}
      pins={pins}
      zones={zones}
      selected={selected}
      view={near ? { ...view, zoom: Math.min(view.zoom, NEAR) } : view}
      place={place}
      onPick={onPick}
      onSelect={onSelect}
    />
  );
}

/** So close that streets can be told apart, and so far that one sees where in the city it is. */
const NEAR = 14;

export function incidentPin(incident: Incident): Pin | undefined {
  const line = incident.place?.points.map(pointOf) ?? [];
  const first = line[0];
  const { incidentId: id, priority, title: label } = incident;
  return first && { ...first, id, kind: "incident", tone: priorityTone[priority], label, line };
}

export function reportPin(report: Report): Pin | undefined {
  const { reportId: id, status, description: label, location } = report;
  return location && { ...pointOf(location), id, kind: "report", tone: reportTone[status], label };
}
