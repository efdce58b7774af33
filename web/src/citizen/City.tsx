// The city at a glance.
import { createConnectQueryKey, useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { incidentText, incidentTone, OPEN_INCIDENTS } from "~/domain/incidents";
import { IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useText } from "~/i18n/text";
import { Ago, Badge, Card, Empty, Page, ProblemNotice, Skeleton } from "~/kit";
import { useTopic } from "~/platform/streams";
import { incidents } from "~/platform/topics";
import { citizenText } from "./citizen.text";

export function City() {
  const text = useText(citizenText);
  const words = useText(incidentText);
  const client = useQueryClient();
  const list = useQuery(IncidentService.method.listIncidents, {
    pageSize: 20,
    filter: { statuses: [...OPEN_INCIDENTS] },
  });
  const reread = () => {
    const schema = IncidentService.method.listIncidents;
    client.invalidateQueries({ queryKey: createConnectQueryKey({ schema, cardinality: undefined }) });
  };
  useTopic(incidents, ({ incident }) => incident && reread(), reread);
  return (
    <Page title={text.city} lead={text.cityLead}>
      <Card title={text.incidents}>
        {list.isPending && <Skeleton />}
        {list.isError && <ProblemNotice error={list.error} onRetry={() => list.refetch()} />}
        {list.data?.incidents.length === 0 && <Empty title={text.noIncidents} />}
        <ul className="list">
          {list.data?.incidents.map((incident) => (
            <li key={incident.incidentId} className="row">
              <Badge tone={incidentTone[incident.status]}>{words.incidentStatus[incident.status]}</Badge>
              <span>{incident.title}</span>
              <span className="soft">
                <Ago time={incident.updateTime} />
              </span>
            </li>
          ))}
        </ul>
      </Card>
    </Page>
  );
}
