// A row of the board: an incident or a report.
import type { Incident } from "~/gen/kvartal/incident/v1/incident_pb.js";
import type { Report } from "~/gen/kvartal/incident/v1/report_pb.js";

export type BoardRow = Incident | Report;

export function isIncident(row: BoardRow): row is Incident {
  return row.$typeName === "kvartal.incident.v1.Incident";
}

export function idOf(row: BoardRow): string {
  return isIncident(row) ? row.incidentId : row.reportId;
}

export function titleOf(row: BoardRow): string {
  return isIncident(row) ? row.title : row.description;
}
