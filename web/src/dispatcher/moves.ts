// Where incidents and reports can go from where they are: the status machines of the incident service, for offering only
// what it accepts. It decides; a move that it does not know is refused there.
import { IncidentStatus } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";

export const INCIDENT_MOVES: { readonly [from in IncidentStatus]: readonly IncidentStatus[] } = {
  [IncidentStatus.UNSPECIFIED]: [],
  [IncidentStatus.NEW]: [
    IncidentStatus.CONFIRMED,
    IncidentStatus.IN_PROGRESS,
    IncidentStatus.RESOLVED,
    IncidentStatus.REJECTED,
  ],
  [IncidentStatus.CONFIRMED]: [IncidentStatus.IN_PROGRESS, IncidentStatus.RESOLVED, IncidentStatus.REJECTED],
  [IncidentStatus.ASSIGNED]: [
    IncidentStatus.CONFIRMED,
    IncidentStatus.IN_PROGRESS,
    IncidentStatus.RESOLVED,
    IncidentStatus.REJECTED,
  ],
  [IncidentStatus.IN_PROGRESS]: [IncidentStatus.RESOLVED, IncidentStatus.REJECTED],
  [IncidentStatus.RESOLVED]: [IncidentStatus.CONFIRMED, IncidentStatus.IN_PROGRESS, IncidentStatus.CLOSED],
  [IncidentStatus.CLOSED]: [IncidentStatus.CONFIRMED],
  [IncidentStatus.REJECTED]: [IncidentStatus.CONFIRMED],
};

export const REPORT_MOVES: { readonly [from in ReportStatus]: readonly ReportStatus[] } = {
  [ReportStatus.UNSPECIFIED]: [],
  [ReportStatus.RECEIVED]: [
    ReportStatus.ACCEPTED,
    ReportStatus.IN_PROGRESS,
    ReportStatus.FIXED,
    ReportStatus.REJECTED,
    ReportStatus.DUPLICATE,
  ],
  [ReportStatus.ACCEPTED]: [
    ReportStatus.IN_PROGRESS,
    ReportStatus.FIXED,
    ReportStatus.REJECTED,
    ReportStatus.DUPLICATE,
  ],
  [ReportStatus.IN_PROGRESS]: [
    ReportStatus.ACCEPTED,
    ReportStatus.FIXED,
    ReportStatus.REJECTED,
    ReportStatus.DUPLICATE,
  ],
  [ReportStatus.FIXED]: [ReportStatus.ACCEPTED, ReportStatus.IN_PROGRESS, ReportStatus.CLOSED],
  [ReportStatus.CLOSED]: [ReportStatus.ACCEPTED],
  [ReportStatus.REJECTED]: [ReportStatus.ACCEPTED],
  [ReportStatus.DUPLICATE]: [ReportStatus.ACCEPTED],
  [ReportStatus.EXPIRED]: [ReportStatus.ACCEPTED],
};

/** Whether somebody can be given the incident from where it is. */
export function canAssign(status: IncidentStatus): boolean {
  return (
    status !== IncidentStatus.RESOLVED &&
    status !== IncidentStatus.CLOSED &&
    status !== IncidentStatus.REJECTED
  );
}
