// Pages for everybody: the city, its map, reports. Mails and feeds lead to incidents and reports: their paths stay.
import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "~/platform/lazyPage";
import { flag, number, oneOf, someOf, text } from "~/platform/search";
import { rootRoute } from "~/root";
import { loadExtras } from "~/shell/later";
import { City } from "./City";

const getParentRoute = () => rootRoute;
type Search = Record<string, unknown>;

/** What the map can show. */
export const LAYERS = ["flows", "jams", "incidents", "reports", "cameras", "zones"] as const;
export type Layer = (typeof LAYERS)[number];

/** For when the map can show traffic: now, or so many minutes ahead. */
export const AHEAD = ["now", "15", "30", "60"] as const;

/** Statuses to choose from; `open` is all in which something is still to be done. */
export const REPORT_STATUSES = [
  "open",
  "RECEIVED",
  "ACCEPTED",
  "IN_PROGRESS",
  "FIXED",
  "CLOSED",
  "REJECTED",
  "DUPLICATE",
  "EXPIRED",
] as const;

/** What the city page shows of traffic; its file is fetched beside that of the page. */
export const trafficNow = () => import("./TrafficNow");

export const cityRoute = createRoute({
  getParentRoute,
  path: "/",
  validateSearch: (search: Search): { area?: string } => ({ area: text(search.area) }),
  loader: () => {
    // What fails here fails there again, where it is told.
    trafficNow().catch(() => {});
  },
  // Where most begin: its file comes with the first ones.
  component: City,
});

interface MapSearch {
  lat?: number;
  lng?: number;
  zoom?: number;
  area?: string;
  layers?: Layer[];
  ahead?: (typeof AHEAD)[number];
  selected?: string;
}

export const mapRoute = createRoute({
  getParentRoute,
  path: "/map",
  validateSearch: (search: Search): MapSearch => ({
    lat: number(search.lat, -85, 85),
    lng: number(search.lng, -180, 180),
    zoom: number(search.zoom, 0, 22),
    area: text(search.area),
    // An empty list is a choice too.
    layers: Array.isArray(search.layers) ? (someOf(search.layers, LAYERS) ?? []) : undefined,
    ahead: oneOf(search.ahead === undefined ? undefined : String(search.ahead), AHEAD),
    selected: text(search.selected),
  }),
  component: lazyPage(() => import("./MapPage"), "MapPage"),
});

interface ReportsSearch {
  mine?: boolean;
  status?: (typeof REPORT_STATUSES)[number];
  category?: string;
  area?: string;
  incident?: string;
}

export const reportsRoute = createRoute({
  getParentRoute,
  path: "/reports",
  validateSearch: (search: Search): ReportsSearch => ({
    mine: flag(search.mine),
    status: oneOf(search.status, REPORT_STATUSES),
    category: text(search.category),
    area: text(search.area),
    incident: text(search.incident),
  }),
  component: lazyPage(() => import("./Reports"), "Reports"),
});

export const reportRoute = createRoute({
  getParentRoute,
  path: "/reports/$report",
  component: lazyPage(() => import("./ReportPage"), "ReportPage"),
});

export const newReportRoute = createRoute({
  getParentRoute,
  path: "/report",
  // What tells of waiting reports has to be there before the network is gone.
  loader: () => {
    loadExtras().catch(() => {});
  },
  component: lazyPage(() => import("./NewReport"), "NewReport"),
});

export const incidentRoute = createRoute({
  getParentRoute,
  path: "/incidents/$incidentId",
  component: lazyPage(() => import("./IncidentPage"), "IncidentPage"),
});

export const jamRoute = createRoute({
  getParentRoute,
  path: "/jams/$jamId",
  component: lazyPage(() => import("./JamPage"), "JamPage"),
});

export const citizenRoutes = [
  jamRoute,
  cityRoute,
  mapRoute,
  reportsRoute,
  reportRoute,
  newReportRoute,
  incidentRoute,
] as const;
