// Pages for everybody: the city, its map, reports.
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/root";
import { NotFound } from "~/shell/ErrorPages";

const getParentRoute = () => rootRoute;

const city = createRoute({
  getParentRoute,
  path: "/",
  component: lazyRouteComponent(() => import("./City"), "City"),
});
const map = createRoute({ getParentRoute, path: "/map", component: NotFound });
const reports = createRoute({ getParentRoute, path: "/reports", component: NotFound });
const report = createRoute({ getParentRoute, path: "/report", component: NotFound });

export const citizenRoutes = [city, map, reports, report] as const;
