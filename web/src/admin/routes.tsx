// Pages for administrators.
import { createRoute, redirect } from "@tanstack/react-router";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { withRole } from "~/platform/access";
import { lazyPage } from "~/platform/lazyPage";
import { number, oneOf, text } from "~/platform/search";
import { rootRoute } from "~/root";
import type { AuditSearch } from "./AuditPage";
import type { DeliveriesSearch } from "./DeliveriesPage";
import type { JobsSearch } from "./JobsPage";
import type { TemplatesSearch } from "./TemplatesPage";
import type { UsersSearch } from "./UsersPage";

export const JOB_STATES = ["dead", "waiting", "running", "done"] as const;

const frame = createRoute({
  getParentRoute: () => rootRoute,
  path: "/admin",
  beforeLoad: withRole(Role.ADMIN),
  component: lazyPage(() => import("./AdminFrame"), "AdminFrame"),
});
const getParentRoute = () => frame;

const start = createRoute({
  getParentRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/admin/services" });
  },
});
const services = createRoute({
  getParentRoute,
  path: "/services",
  component: lazyPage(() => import("./ServicesPage"), "ServicesPage"),
});
const jobs = createRoute({
  getParentRoute,
  path: "/jobs",
  validateSearch: (search: Record<string, unknown>): JobsSearch => ({
    service: text(search.service),
    state: oneOf(search.state, JOB_STATES),
  }),
  component: lazyPage(() => import("./JobsPage"), "JobsPage"),
});
const users = createRoute({
  getParentRoute,
  path: "/users",
  validateSearch: (search: Record<string, unknown>): UsersSearch => ({
    role: number(search.role, 1, 13),
    q: text(search.q),
  }),
  component: lazyPage(() => import("./UsersPage"), "UsersPage"),
});
const user = createRoute({
  getParentRoute,
  path: "/users/$userId",
  component: lazyPage(() => import("./UserPage"), "UserPage"),
});
const programs = createRoute({
  getParentRoute,
  path: "/programs",
  component: lazyPage(() => import("./ProgramsPage"), "ProgramsPage"),
});
const audit = createRoute({
  getParentRoute,
  path: "/audit",
  validateSearch: (search: Record<string, unknown>): AuditSearch => ({
    actor: text(search.actor),
    subject: text(search.subject),
    type: text(search.type),
    from: text(search.from),
    to: text(search.to),
  }),
  component: lazyPage(() => import("./AuditPage"), "AuditPage"),
});
const deliveries = createRoute({
  getParentRoute,
  path: "/deliveries",
  validateSearch: (search: Record<string, unknown>): DeliveriesSearch => ({
    state: number(search.state, 1, 4),
    user: text(search.user),
  }),
  component: lazyPage(() => import("./DeliveriesPage"), "DeliveriesPage"),
});
/** More kinds of messages than there are; the page knows which there are. */
const KINDS_MAX = 1000;
const templates = createRoute({
  getParentRoute,
  path: "/templates",
  validateSearch: (search: Record<string, unknown>): TemplatesSearch => ({
    kind: number(search.kind, 1, KINDS_MAX),
    locale: oneOf(search.locale, ["ru", "en"] as const),
  }),
  component: lazyPage(() => import("./TemplatesPage"), "TemplatesPage"),
});
const catalogue = createRoute({
  getParentRoute,
  path: "/catalogue",
  component: lazyPage(() => import("./CataloguePage"), "CataloguePage"),
});

export const adminRoutes = [
  frame.addChildren([start, services, jobs, users, user, programs, audit, deliveries, templates, catalogue]),
] as const;
