// One incident on a page of its own: for narrow screens, second screens and links.
import { useQuery } from "@connectrpc/connect-query";
import { Link, useParams } from "@tanstack/react-router";
import { IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useText } from "~/i18n/text";
import { Page, ProblemNotice, Skeleton } from "~/kit";
import { useTopic } from "~/platform/streams";
import { incidents } from "~/platform/topics";
import { dispatchText } from "./dispatch.text";
import { IncidentPanel } from "./IncidentPanel";

export function IncidentPage() {
  const text = useText(dispatchText);
  const { incidentId } = useParams({ from: "/dispatch/incidents/$incidentId" });
  const query = useQuery(IncidentService.method.getIncident, { incidentId });
  useTopic(
    incidents,
    ({ incident }) => incident?.incidentId === incidentId && query.refetch(),
    () => query.refetch(),
  );
  const incident = query.data?.incident;
  return (
    <Page title={incident?.title ?? text.incidents} lead={<Link to="/dispatch">{text.back}</Link>}>
      {query.isPending && <Skeleton lines={8} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {incident && <IncidentPanel incident={incident} onChange={() => query.refetch()} standalone />}
    </Page>
  );
}
