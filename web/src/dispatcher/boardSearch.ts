// What of the board stands in its address: which list, its filters, what is selected.
import { IncidentKind, IncidentStatus, Priority } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { flag, oneOf, someOf, text } from "~/platform/search";

export interface BoardSearch {
  list?: "reports";
  /** Numbers of statuses of the list shown; those in which something is to be done when absent. */
  status?: number[];
  kind?: IncidentKind[];
  category?: string[];
  priority?: Priority;
  area?: string;
  mine?: true;
  q?: string;
  /** Id of what is selected. */
  sel?: string;
}

/** The numbers of an enum but 0, which is unknown. */
export function numbersOf<E extends number>(values: Record<string, string | number>): E[] {
  return Object.values(values).filter((value): value is E => typeof value === "number" && value !== 0);
}

const PRIORITIES = numbersOf<Priority>(Priority);
const STATUSES = numbersOf<number>({ ...IncidentStatus, ...ReportStatus });

export function boardSearch(search: Record<string, unknown>): BoardSearch {
  const categories = Array.isArray(search.category)
    ? search.category.filter((id) => typeof id === "string")
    : [];
  return {
    list: oneOf(search.list, ["reports"] as const),
    status: someOf(search.status, [...new Set(STATUSES)]),
    kind: someOf(search.kind, numbersOf<IncidentKind>(IncidentKind)),
    category: categories.length > 0 ? categories.slice(0, 20) : undefined,
    priority: oneOf(search.priority, PRIORITIES),
    area: text(search.area),
    mine: flag(search.mine),
    q: text(search.q),
    sel: text(search.sel),
  };
}
