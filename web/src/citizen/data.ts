// What several of the citizen's pages read: names of categories and areas, lists that stay fresh, pins for the map.
import { createConnectQueryKey, useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { incidentText, incidentTone, reportTone } from "~/domain/incidents";
import { levelTone } from "~/domain/traffic";
import { type Incident, IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { type Report, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import type { Jam } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import type { Pin, Point, Zone } from "~/map/types";
import { useTopic } from "~/platform/streams";
import { incidents } from "~/platform/topics";

const RARELY = { staleTime: 5 * 60_000 };

/** What reports can be about, and how to call it. */
export function useCategories() {
  const locale = useLocale();
  const categories = useQuery(ReportService.method.listCategories, {}, RARELY).data?.categories ?? [];
  const name = (id: string) => {
    const found = categories.find((category) => category.categoryId === id);
    return found ? (locale === "en" ? found.nameEn : found.nameRu) : id;
  };
  return { categories, name };
}

/** The parts of the city. Their names may hold both languages: `Центральный / Central`. */
export function useAreas() {
  const locale = useLocale();
  const areas = useQuery(ReportService.method.listAreas, {}, RARELY).data?.areas;
  return useMemo(() => {
    const named = (areas ?? []).map((area) => ({
      ...area,
      displayName: inLanguage(area.displayName, locale),
    }));
    const name = (id: string) => named.find((area) => area.areaId === id)?.displayName ?? "";
    return { areas: named, name };
  }, [areas, locale]);
}

function inLanguage(name: string, locale: "ru" | "en"): string {
  const [russian, english] = name.split(" / ");
  return (locale === "en" ? english : russian) ?? name;
}

export function zonesOf(areas: ReturnType<typeof useAreas>["areas"], chosen?: string): Zone[] {
  return areas.map(({ areaId, displayName, boundary }) => ({
    id: areaId,
    name: displayName,
    boundary: boundary.map(pointOf),
    chosen: areaId === chosen,
  }));
}

export function pointOf({ latitude, longitude }: { latitude: number; longitude: number }): Point {
  return { lat: latitude, lng: longitude };
}

/** Reads lists of incidents and of reports again when the stream tells of a change. */
export function useFreshIncidents(): void {
  const client = useQueryClient();
  const reread = () => {
    client.invalidateQueries({
      queryKey: createConnectQueryKey({ schema: IncidentService, cardinality: undefined }),
    });
  };
  useTopic(incidents, ({ incident }) => incident && reread(), reread);
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
