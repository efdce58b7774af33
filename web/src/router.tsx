// Every page, by part of the app.
import { createRouter } from "@tanstack/react-router";
import { adminRoutes } from "./admin/routes";
import { citizenRoutes } from "./citizen/routes";
import { dispatcherRoutes } from "./dispatcher/routes";
import { rootRoute } from "./root";
import { Broken } from "./shell/ErrorPages";
import { shellRoutes } from "./shell/routes";

export const router = createRouter({
  routeTree: rootRoute.addChildren([...shellRoutes, ...citizenRoutes, ...dispatcherRoutes, ...adminRoutes]),
  // Within the frame: the navigation leads away from what is broken or not for the reader.
  defaultErrorComponent: Broken,
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
