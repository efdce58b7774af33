// What maps show, however they are drawn.
import type { Tone } from "~/kit";

export interface Point {
  readonly lat: number;
  readonly lng: number;
}

/** What of the city is in sight. */
export interface View extends Point {
  /** As in web maps: one more doubles the scale. */
  readonly zoom: number;
}

/** Something at a place. The kind has a shape of its own, so that colour is not the only sign. */
export interface Pin extends Point {
  readonly id: string;
  readonly kind: "incident" | "report" | "camera" | "patrol" | "detector" | "jam";
  readonly tone: Tone;
  /** What it is, in a few words. */
  readonly label: string;
  /** For things that have a length. */
  readonly line?: readonly Point[] | undefined;
}

/** A stretch of road with its traffic. */
export interface Flow {
  readonly id: string;
  readonly points: readonly Point[];
  /** From 1, free, to 4, standing; 0 for unknown. */
  readonly level: 0 | 1 | 2 | 3 | 4;
}

/** A part of the city. */
export interface Zone {
  readonly id: string;
  readonly name: string;
  readonly boundary: readonly Point[];
  /** Drawn with its ground coloured. */
  readonly chosen?: boolean;
}

export interface Bounds {
  readonly low: Point;
  readonly high: Point;
}

export interface MapProps {
  /** What the map shows, for those who hear the page. */
  label: string;
  pins?: readonly Pin[];
  flows?: readonly Flow[];
  zones?: readonly Zone[];
  /** The pin that is chosen. */
  selected?: string | undefined;
  onSelect?: (id: string) => void;
  /** Where to look; a change moves the map. */
  view: View;
  /** The map shows something else: the reader has moved it or, `asked`, `view` has changed. */
  onView?: (view: View, bounds: Bounds, asked: boolean) => void;
  /** A place that was picked. */
  place?: Point | undefined;
  /** When given, a click picks a place. */
  onPick?: (place: Point) => void;
}

export const TONES: readonly Tone[] = ["neutral", "info", "good", "warn", "danger"];
export const ZOOM_MIN = 9;
export const ZOOM_MAX = 18;

/** A distance on the ground in metres; good enough within a city. */
export function metresBetween(a: Point, b: Point): number {
  const radians = Math.PI / 180;
  const x = (b.lng - a.lng) * Math.cos(((a.lat + b.lat) / 2) * radians);
  return Math.hypot(x, b.lat - a.lat) * 111_320;
}

export function inBounds({ lat, lng }: Point, { low, high }: Bounds): boolean {
  return lat >= low.lat && lat <= high.lat && lng >= low.lng && lng <= high.lng;
}

/** The view that shows all these points on a map of ordinary size. */
export function viewOf(points: readonly Point[]): View | undefined {
  const first = points[0];
  if (!first) return undefined;
  const lats = points.map((point) => point.lat);
  const lngs = points.map((point) => point.lng);
  const low = { lat: Math.min(...lats), lng: Math.min(...lngs) };
  const high = { lat: Math.max(...lats), lng: Math.max(...lngs) };
  const middle = { lat: (low.lat + high.lat) / 2, lng: (low.lng + high.lng) / 2 };
  const width = Math.max(
    metresBetween(low, { ...low, lng: high.lng }),
    metresBetween(low, { ...low, lat: high.lat }),
    300,
  );
  // At zoom 0 the equator, 40 075 km, is 512 pixels long; 600 pixels are to hold the width.
  const scale = (40_075_000 * Math.cos((middle.lat * Math.PI) / 180)) / 512;
  return { ...middle, zoom: Math.min(15, Math.log2((scale * 560) / width)) };
}
