// Pages about the reader: signing in, account, notifications. Mails lead to several of them: their paths stay.
import { createRoute } from "@tanstack/react-router";
import { signedIn } from "~/platform/access";
import { lazyPage } from "~/platform/lazyPage";
import { flag, text } from "~/platform/search";
import { rootRoute } from "~/root";

const getParentRoute = () => rootRoute;
const withToken = (search: Record<string, unknown>): { token?: string } => ({ token: text(search.token) });

export const signInRoute = createRoute({
  getParentRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) }),
  component: lazyPage(() => import("./SignIn"), "SignIn"),
});

const register = createRoute({
  getParentRoute,
  path: "/register",
  component: lazyPage(() => import("./Register"), "Register"),
});

export const confirmRoute = createRoute({
  getParentRoute,
  path: "/confirm",
  validateSearch: withToken,
  component: lazyPage(() => import("./ConfirmEmail"), "ConfirmEmail"),
});

export const resetRoute = createRoute({
  getParentRoute,
  path: "/reset-password",
  validateSearch: withToken,
  component: lazyPage(() => import("./ResetPassword"), "ResetPassword"),
});

export const inboxRoute = createRoute({
  getParentRoute,
  path: "/inbox",
  beforeLoad: signedIn,
  validateSearch: (search: Record<string, unknown>): { unread?: boolean } => ({
    unread: flag(search.unread),
  }),
  component: lazyPage(() => import("./Inbox"), "Inbox"),
});

const profile = createRoute({
  getParentRoute,
  path: "/account",
  beforeLoad: signedIn,
  component: lazyPage(() => import("./Profile"), "Profile"),
});

const sessions = createRoute({
  getParentRoute,
  path: "/account/sessions",
  beforeLoad: signedIn,
  component: lazyPage(() => import("./Sessions"), "Sessions"),
});

const preferences = createRoute({
  getParentRoute,
  path: "/account/notifications",
  beforeLoad: signedIn,
  component: lazyPage(() => import("./Preferences"), "Preferences"),
});

export const shellRoutes = [
  signInRoute,
  register,
  confirmRoute,
  resetRoute,
  inboxRoute,
  profile,
  sessions,
  preferences,
] as const;
