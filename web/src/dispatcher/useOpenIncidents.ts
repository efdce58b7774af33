// Incidents that reports and other incidents can be tied to.
import { useQuery } from "@connectrpc/connect-query";
import { OPEN_INCIDENTS } from "~/domain/incidents";
import { type Incident, IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";

/** Incidents that something could be tied to, the last changed first. */
export function useOpenIncidents(): readonly Incident[] {
  const filter = { statuses: [...OPEN_INCIDENTS] };
  const query = useQuery(IncidentService.method.listIncidents, { pageSize: 200, filter });
  return query.data?.incidents ?? [];
}
