// How the map looks: the page's own colours, no glyphs and no sprite from a server, so text is drawn with fonts of the
// device and pins are drawn here.
import type {
  ExpressionSpecification,
  LayerSpecification,
  Map as MapLibre,
  StyleSpecification,
} from "maplibre-gl";
import { TONES } from "./types";

/** Layers whose features can be chosen. */
export const CLICKABLE = ["pins", "pin-lines", "reports", "clusters", "flows"];

const FONT = ["Noto Sans", "Segoe UI", "Roboto", "Liberation Sans", "sans-serif"];
const KINDS = ["incident", "report", "camera", "patrol", "detector", "jam"] as const;

export function style(css: CSSStyleDeclaration): StyleSpecification {
  const colour = (name: string) => css.getPropertyValue(`--${name}`).trim();
  const empty = { type: "geojson" as const, data: { type: "FeatureCollection" as const, features: [] } };
  return {
    version: 8,
    sources: {
      scenery: empty,
      zones: empty,
      flows: empty,
      pins: empty,
      place: empty,
      reports: { ...empty, cluster: true, clusterRadius: 36, clusterMaxZoom: 13 },
    },
    layers: [...ground(colour), ...traffic(colour), ...things(colour)],
  };
}

type Colour = (name: string) => string;

function ground(colour: Colour): LayerSpecification[] {
  const width = (
    low: number,
    high: number,
  ): ["interpolate", ["exponential", number], ["zoom"], ...number[]] => [
    "interpolate",
    ["exponential", 1.6],
    ["zoom"],
    10,
    low,
    16,
    high,
  ];
  return [
    { id: "ground", type: "background", paint: { "background-color": colour("map-ground") } },
    {
      id: "zones",
      type: "fill",
      source: "zones",
      paint: {
        "fill-color": ["case", ["get", "chosen"], colour("accent"), colour("map-zone")],
        "fill-opacity": ["case", ["get", "chosen"], 0.14, 0.5],
      },
    },
    {
      id: "zone-lines",
      type: "line",
      source: "zones",
      paint: {
        "line-color": colour("line-strong"),
        "line-width": 1,
        "line-dasharray": [3, 3],
        "line-opacity": 0.7,
      },
    },
    {
      id: "water",
      type: "line",
      source: "scenery",
      filter: ["==", ["get", "class"], "water"],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colour("map-water"), "line-width": width(9, 90) },
    },
    {
      id: "street-edges",
      type: "line",
      source: "scenery",
      filter: ["==", ["get", "class"], "street"],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colour("map-edge"), "line-width": width(3, 22) },
    },
    {
      id: "streets",
      type: "line",
      source: "scenery",
      filter: ["==", ["get", "class"], "street"],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colour("map-street"), "line-width": width(2, 18) },
    },
  ];
}

function traffic(colour: Colour): LayerSpecification[] {
  const level = (a: number, b: number, c: number, d: number): ExpressionSpecification => [
    "match",
    ["get", "level"],
    1,
    a,
    2,
    b,
    3,
    c,
    d,
  ];
  return [
    {
      id: "flows",
      type: "line",
      source: "flows",
      filter: [">", ["get", "level"], 0],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: {
        "line-color": [
          "match",
          ["get", "level"],
          1,
          colour("flow-1"),
          2,
          colour("flow-2"),
          3,
          colour("flow-3"),
          colour("flow-4"),
        ],
        // Worse is wider too: colour is not the only sign.
        "line-width": [
          "interpolate",
          ["linear"],
          ["zoom"],
          10,
          level(1, 1.5, 2.5, 3.5),
          16,
          level(4, 6, 9, 12),
        ],
        "line-offset": ["interpolate", ["linear"], ["zoom"], 10, 1, 16, 5],
      },
    },
    {
      id: "street-names",
      type: "symbol",
      source: "scenery",
      minzoom: 12,
      layout: {
        "symbol-placement": "line",
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 12, 11, 16, 14],
      },
      paint: {
        "text-color": colour("text-soft"),
        "text-halo-color": colour("map-street"),
        "text-halo-width": 1.5,
      },
    },
    {
      id: "zone-names",
      type: "symbol",
      source: "zones",
      maxzoom: 13,
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": 12,
        "text-max-width": 7,
        "text-allow-overlap": true,
      },
      paint: {
        "text-color": colour("text-soft"),
        "text-halo-color": colour("map-ground"),
        "text-halo-width": 1.5,
      },
    },
  ];
}

function things(colour: Colour): LayerSpecification[] {
  const tones: ["match", ["get", string], ...string[]] = [
    "match",
    ["get", "tone"],
    ...TONES.slice(1).flatMap((tone) => [tone, colour(tone)]),
    colour("text-soft"),
  ];
  return [
    {
      id: "pin-lines",
      type: "line",
      source: "pins",
      filter: ["==", ["geometry-type"], "LineString"],
      layout: { "line-cap": "round" },
      paint: { "line-color": tones as never, "line-width": 6, "line-opacity": 0.55 },
    },
    {
      id: "clusters",
      type: "circle",
      source: "reports",
      filter: ["has", "point_count"],
      paint: {
        "circle-color": colour("surface"),
        "circle-stroke-color": colour("accent"),
        "circle-stroke-width": 2,
        "circle-radius": ["step", ["get", "point_count"], 12, 10, 16, 50, 21],
      },
    },
    {
      id: "cluster-counts",
      type: "symbol",
      source: "reports",
      filter: ["has", "point_count"],
      layout: {
        "text-field": ["get", "point_count_abbreviated"],
        "text-font": FONT,
        "text-size": 12,
        "text-allow-overlap": true,
      },
      paint: { "text-color": colour("text") },
    },
    {
      id: "selected",
      type: "circle",
      source: "place",
      filter: ["==", ["get", "role"], "selected"],
      paint: {
        "circle-radius": 17,
        "circle-color": colour("accent"),
        "circle-opacity": 0.25,
        "circle-stroke-color": colour("accent"),
        "circle-stroke-width": 3,
      },
    },
    {
      id: "reports",
      type: "symbol",
      source: "reports",
      filter: ["!", ["has", "point_count"]],
      layout: { "icon-image": ["get", "image"], "icon-allow-overlap": true },
    },
    {
      id: "pins",
      type: "symbol",
      source: "pins",
      filter: ["==", ["geometry-type"], "Point"],
      layout: { "icon-image": ["get", "image"], "icon-allow-overlap": true },
    },
    {
      id: "place",
      type: "symbol",
      source: "place",
      filter: ["==", ["get", "role"], "place"],
      layout: { "icon-image": "place", "icon-anchor": "bottom", "icon-allow-overlap": true },
    },
  ];
}

/** A shape for each kind in each tone, and the pin of a picked place. */
export function drawPins(map: MapLibre, css: CSSStyleDeclaration): void {
  const colour = (name: string) => css.getPropertyValue(`--${name}`).trim();
  for (const kind of KINDS) {
    for (const tone of TONES) {
      const fill = colour(tone === "neutral" ? "text-soft" : tone);
      add(map, `${kind}-${tone}`, 26, (context) => {
        shape(context, kind);
        context.lineWidth = 2;
        context.fillStyle = fill;
        context.strokeStyle = colour("surface");
        context.fill();
        context.stroke();
      });
    }
  }
  add(map, "place", 40, (context) => {
    context.beginPath();
    context.moveTo(20, 39);
    context.bezierCurveTo(20, 32, 8, 26, 8, 14);
    context.arc(20, 14, 12, Math.PI, 0);
    context.bezierCurveTo(32, 26, 20, 32, 20, 39);
    context.fillStyle = colour("accent");
    context.strokeStyle = colour("surface");
    context.lineWidth = 2;
    context.fill();
    context.stroke();
    context.beginPath();
    context.arc(20, 14, 4.5, 0, 2 * Math.PI);
    context.fillStyle = colour("surface");
    context.fill();
  });
}

function add(
  map: MapLibre,
  name: string,
  size: number,
  draw: (context: CanvasRenderingContext2D) => void,
): void {
  const pixelRatio = 2;
  const canvas = document.createElement("canvas");
  canvas.width = size * pixelRatio;
  canvas.height = size * pixelRatio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(pixelRatio, pixelRatio);
  draw(context);
  map.addImage(name, context.getImageData(0, 0, canvas.width, canvas.height), { pixelRatio });
}

/** Incidents are diamonds, reports discs, patrols triangles, everything that stands by the road a square. */
function shape(context: CanvasRenderingContext2D, kind: (typeof KINDS)[number]): void {
  context.beginPath();
  switch (kind) {
    case "incident":
    case "jam":
      context.moveTo(13, 2);
      context.lineTo(24, 13);
      context.lineTo(13, 24);
      context.lineTo(2, 13);
      break;
    case "patrol":
      context.moveTo(13, 3);
      context.lineTo(23, 22);
      context.lineTo(3, 22);
      break;
    case "report":
      context.arc(13, 13, 8.5, 0, 2 * Math.PI);
      break;
    default:
      context.roundRect(5, 5, 16, 16, 3);
  }
  context.closePath();
}
