// Pages about the reader: signing in, account, notifications.
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { signedIn } from "~/platform/access";
import { text } from "~/platform/search";
import { rootRoute } from "~/root";
import { NotFound } from "./ErrorPages";

const getParentRoute = () => rootRoute;

export const signInRoute = createRoute({
  getParentRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) }),
  component: lazyRouteComponent(() => import("./SignIn"), "SignIn"),
});

const inbox = createRoute({ getParentRoute, path: "/inbox", beforeLoad: signedIn, component: NotFound });
const profile = createRoute({ getParentRoute, path: "/account", beforeLoad: signedIn, component: NotFound });
const sessions = createRoute({
  getParentRoute,
  path: "/account/sessions",
  beforeLoad: signedIn,
  component: NotFound,
});
const preferences = createRoute({
  getParentRoute,
  path: "/account/notifications",
  beforeLoad: signedIn,
  component: NotFound,
});

export const shellRoutes = [signInRoute, inbox, profile, sessions, preferences] as const;
