// What maps show, as GeoJSON.
import type { Feature, Position } from "geojson";
import type { SceneryLine } from "~/platform/site";
import type { Flow, Pin, Point, Zone } from "./types";

const position = ({ lng, lat }: Point): Position => [lng, lat];

export function sceneryFeatures(lines: readonly SceneryLine[]): Feature[] {
  return lines.map(({ points, name, class: kind }) => ({
    type: "Feature",
    properties: { name, class: kind },
    geometry: { type: "LineString", coordinates: points.map(([lng, lat]) => [lng, lat]) },
  }));
}

export function zoneFeatures(zones: readonly Zone[]): Feature[] {
  return zones.flatMap(({ boundary, name, id, chosen = false }) => {
    const first = boundary[0];
    if (!first) return [];
    return {
      type: "Feature",
      properties: { id, name, chosen },
      geometry: { type: "Polygon", coordinates: [[...boundary, first].map(position)] },
    };
  });
}

export function flowFeatures(flows: readonly Flow[]): Feature[] {
  return flows.map(({ id, points, level }) => ({
    type: "Feature",
    properties: { id, level },
    geometry: { type: "LineString", coordinates: points.map(position) },
  }));
}

export function pinFeatures(pins: readonly Pin[]): Feature[] {
  return pins.flatMap(({ id, kind, tone, label, line, ...point }) => {
    const properties = { id, kind, tone, label, image: `${kind}-${tone}` };
    const features: Feature[] = [
      { type: "Feature", properties, geometry: { type: "Point", coordinates: position(point) } },
    ];
    if (line && line.length > 1) {
      const geometry = { type: "LineString" as const, coordinates: line.map(position) };
      features.unshift({ type: "Feature", properties, geometry });
    }
    return features;
  });
}

export function placeFeatures(place: Point | undefined, selected: Pin | undefined): Feature[] {
  const features: Feature[] = [];
  const add = (point: Point, role: string) =>
    features.push({
      type: "Feature",
      properties: { role },
      geometry: { type: "Point", coordinates: position(point) },
    });
  if (selected) add(selected, "selected");
  if (place) add(place, "place");
  return features;
}
