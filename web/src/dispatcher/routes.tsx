// Pages for dispatchers.
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { withRole } from "~/platform/access";
import { rootRoute } from "~/root";
import { boardSearch } from "./boardSearch";

const frame = createRoute({
  getParentRoute: () => rootRoute,
  path: "/dispatch",
  beforeLoad: withRole(Role.DISPATCHER),
  component: lazyRouteComponent(() => import("./DispatchFrame"), "DispatchFrame"),
});
const getParentRoute = () => frame;

const board = createRoute({
  getParentRoute,
  path: "/",
  validateSearch: boardSearch,
  component: lazyRouteComponent(() => import("./Board"), "Board"),
});
const incident = createRoute({
  getParentRoute,
  path: "/incidents/$incidentId",
  component: lazyRouteComponent(() => import("./IncidentPage"), "IncidentPage"),
});
const report = createRoute({
  getParentRoute,
  path: "/reports/$reportId",
  component: lazyRouteComponent(() => import("./ReportPage"), "ReportPage"),
});
const templates = createRoute({
  getParentRoute,
  path: "/templates",
  component: lazyRouteComponent(() => import("./TemplatesPage"), "TemplatesPage"),
});
const feeds = createRoute({
  getParentRoute,
  path: "/feeds",
  component: lazyRouteComponent(() => import("./FeedsPage"), "FeedsPage"),
});

export const dispatcherRoutes = [frame.addChildren([board, incident, report, templates, feeds])] as const;
