// What several of the citizen's pages read: lists that stay fresh, pins for the map.
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { pointOf, useCategories } from "~/domain/catalogue";
import { incidentText, incidentTone, reportTone } from "~/domain/incidents";
import { levelTone } from "~/domain/traffic";
import { type Incident, IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import type { Report } from "~/gen/kvartal/incident/v1/report_pb.js";
import type { Jam } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { useText } from "~/i18n/text";
import type { Pin, Point } from "~/map/types";
import { useTopic } from "~/platform/streams";
import { incidents } from "~/platform/topics";

/** Changes come in bursts; what they change is read once for all that come within so long. */
const BURST_MS = 300;
let due = false;

/** Reads incidents again when the stream tells of a change. */
export function useFreshIncidents(): void {
  const client = useQueryClient();
  useTopic(
    incidents,
    ({ incident }) => incident && rereadSoon(client),
    () => reread(client),
  );
}

function rereadSoon(client: QueryClient): void {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    reread(client);
  }, BURST_MS);
}

function reread(client: QueryClient): void {
  const queryKey = createConnectQueryKey({ schema: IncidentService, cardinality: undefined });
  client.invalidateQueries({ queryKey });
}

/** Where an incident is: the first of its points. */
export function placeOf({ place }: Incident): Point | undefined {
  const first = place?.points[0];
  return first && pointOf(first);
}

/** Address and road, as far as they are known. */
export function whereOf({ place }: Incident): string {
  return place?.address || place?.road || "";
}

export function usePins() {
  const words = useText(incidentText);
  const { name } = useCategories();
  const ofIncident = (incident: Incident): Pin[] => {
    const at = placeOf(incident);
    if (!at) return [];
    const line =
      incident.place && incident.place.points.length > 1 ? incident.place.points.map(pointOf) : undefined;
    const label = `${words.kind[incident.kind]}: ${incident.title}`;
    return [
      { ...at, id: incident.incidentId, kind: "incident", tone: incidentTone[incident.status], label, line },
    ];
  };
  const ofReport = (report: Report): Pin[] =>
    report.location
      ? [
          {
            ...pointOf(report.location),
            id: report.reportId,
            kind: "report",
            tone: reportTone[report.status],
            label: name(report.categoryId),
          },
        ]
      : [];
  const ofJam = (jam: Jam): Pin[] =>
    jam.headLocation
      ? [
          {
            ...pointOf(jam.headLocation),
            id: jam.jamId,
            kind: "jam",
            tone: levelTone[jam.level],
            label: jam.displayName,
          },
        ]
      : [];
  return { ofIncident, ofReport, ofJam };
}

/** Where the reader is; refused, it fails with the browser's reason. */
export function position(): Promise<Point> {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation) {
      reject(new Error("no geolocation"));
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ lat: coords.latitude, lng: coords.longitude }),
      reject,
      { enableHighAccuracy: true, timeout: 10_000, maximumAge: 30_000 },
    );
  });
}
