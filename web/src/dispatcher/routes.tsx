// Pages for dispatchers.
import { createRoute } from "@tanstack/react-router";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { withRole } from "~/platform/access";
import { lazyPage } from "~/platform/lazyPage";
import { number, oneOf, text } from "~/platform/search";
import { rootRoute } from "~/root";
import { boardSearch } from "./boardSearch";
import type { DetectorSearch } from "./traffic/DetectorPage";
import type { DetectorsSearch } from "./traffic/DetectorsPage";
import type { TrafficSearch } from "./traffic/TrafficPage";

/** How far back the page of a detector looks, and how many minutes ahead its forecasts. */
export const HOURS = ["3", "12", "24"] as const;
export const HORIZONS = [15, 30, 60] as const;

const frame = createRoute({
  getParentRoute: () => rootRoute,
  path: "/dispatch",
  beforeLoad: withRole(Role.DISPATCHER, Role.MODERATOR),
  component: lazyPage(() => import("./DispatchFrame"), "DispatchFrame"),
});
const getParentRoute = () => frame;

const board = createRoute({
  getParentRoute,
  path: "/",
  validateSearch: boardSearch,
  component: lazyPage(() => import("./Board"), "Board"),
});
const incident = createRoute({
  getParentRoute,
  path: "/incidents/$incidentId",
  component: lazyPage(() => import("./IncidentPage"), "IncidentPage"),
});
const report = createRoute({
  getParentRoute,
  path: "/reports/$reportId",
  component: lazyPage(() => import("./ReportPage"), "ReportPage"),
});
const templates = createRoute({
  getParentRoute,
  path: "/templates",
  component: lazyPage(() => import("./TemplatesPage"), "TemplatesPage"),
});
const feeds = createRoute({
  getParentRoute,
  path: "/feeds",
  component: lazyPage(() => import("./FeedsPage"), "FeedsPage"),
});

const roads = createRoute({
  getParentRoute,
  path: "/traffic",
  validateSearch: (search: Record<string, unknown>): TrafficSearch => ({ at: text(search.at) }),
  component: lazyPage(() => import("./traffic/TrafficPage"), "TrafficPage"),
});
const detectors = createRoute({
  getParentRoute,
  path: "/detectors",
  validateSearch: (search: Record<string, unknown>): DetectorsSearch => ({
    health: number(search.health, 1, 3),
  }),
  component: lazyPage(() => import("./traffic/DetectorsPage"), "DetectorsPage"),
});
const detector = createRoute({
  getParentRoute,
  path: "/detectors/$detectorId",
  validateSearch: (search: Record<string, unknown>): DetectorSearch => ({
    hours: oneOf(String(search.hours), HOURS),
    horizon: oneOf(search.horizon, HORIZONS),
  }),
  component: lazyPage(() => import("./traffic/DetectorPage"), "DetectorPage"),
});
const patrols = createRoute({
  getParentRoute,
  path: "/patrols",
  component: lazyPage(() => import("./traffic/PatrolsPage"), "PatrolsPage"),
});
const cameras = createRoute({
  getParentRoute,
  path: "/cameras",
  component: lazyPage(() => import("./traffic/CamerasPage"), "CamerasPage"),
});
const forecast = createRoute({
  getParentRoute,
  path: "/forecast",
  component: lazyPage(() => import("./traffic/ForecastPage"), "ForecastPage"),
});

export const dispatcherRoutes = [
  frame.addChildren([
    board,
    incident,
    report,
    templates,
    feeds,
    roads,
    detectors,
    detector,
    patrols,
    cameras,
    forecast,
  ]),
] as const;
