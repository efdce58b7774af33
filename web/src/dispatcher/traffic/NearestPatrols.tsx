// The patrols that can be at an incident soonest, and sending one of them.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Send } from "lucide-react";
import type { Incident } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { PatrolService } from "~/gen/kvartal/traffic/v1/patrol_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Button, Card, ProblemNotice, Skeleton, toast, toastError } from "~/kit";
import { isAbsent } from "~/platform/query";
import { patrolsText } from "./patrols.text";

const EVERY_MS = 15_000;

export function NearestPatrols({ incident }: { incident: Incident }) {
  const text = useText(patrolsText);
  const format = useFormat();
  const point = incident.place?.points[0];
  const location = point && { latitude: point.latitude, longitude: point.longitude };
  const query = useQuery(
    PatrolService.method.estimatePatrolArrivals,
    { location },
    { enabled: location !== undefined, refetchInterval: EVERY_MS },
  );
  const send = useMutation(PatrolService.method.assignPatrol, {
    onSuccess: () => {
      toast(text.sent);
      query.refetch();
    },
    onError: toastError,
  });
  // Without the traffic service an incident is worked on as before.
  if (isAbsent(query.error) || !location) return null;
  const arrivals = query.data?.arrivals.slice(0, 5) ?? [];
  return (
    <Card title={text.nearest}>
      <p className="soft">{text.nearestHint}</p>
      {query.isPending && <Skeleton lines={2} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {query.data && arrivals.length === 0 && <p>{text.noneNear}</p>}
      <ul className="list">
        {arrivals.map(({ patrol, distanceM, durationSeconds, routed }) => (
          <li key={patrol?.patrolId} className="linked">
            <strong>{patrol?.callSign}</strong>
            <span>
              {text.away(format.distance(distanceM), format.number(durationSeconds / 60, 0))}
              {!routed && ` (${text.straight})`}
            </span>
            <span />
            <Button
              icon={<Send aria-hidden="true" />}
              busy={send.isPending && send.variables?.patrolId === patrol?.patrolId}
              onClick={() =>
                patrol &&
                send.mutate({ patrolId: patrol.patrolId, incidentId: incident.incidentId, etag: patrol.etag })
              }
            >
              {text.send}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
