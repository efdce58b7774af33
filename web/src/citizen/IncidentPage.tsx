// One incident, as everybody may see it.
import "./citizen.css";
import { useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { useAreas } from "~/domain/catalogue";
import { incidentText, incidentTone, priorityTone } from "~/domain/incidents";
import { Direction, type Incident, IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Ago, Badge, Card, Page, ProblemNotice, Skeleton } from "~/kit";
import { MapView } from "~/map/MapView";
import { isNotFound } from "~/platform/query";
import { NotFound } from "~/shell/ErrorPages";
import { citizenText } from "./citizen.text";
import { placeOf, useFreshIncidents, usePins, whereOf } from "./data";
import { incidentRoute } from "./routes";

export function IncidentPage() {
  const text = useText(citizenText);
  const { incidentId } = incidentRoute.useParams();
  const answer = useQuery(IncidentService.method.getIncident, { incidentId });
  useFreshIncidents();
  const incident = answer.data?.incident;
  if (isNotFound(answer.error)) return <NotFound />;
  if (!incident) {
    return (
      <Page title={text.incident}>
        {answer.isError ? (
          <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} />
        ) : (
          <Skeleton lines={8} />
        )}
      </Page>
    );
  }
  return <Shown incident={incident} />;
}

function Shown({ incident }: { incident: Incident }) {
  const text = useText(citizenText);
  const words = useText(incidentText);
  const pins = usePins();
  const place = placeOf(incident);
  return (
    <Page
      title={incident.title}
      lead={
        <span className="row">
          <Badge tone={incidentTone[incident.status]}>{words.incidentStatus[incident.status]}</Badge>
          <Badge>{words.kind[incident.kind]}</Badge>
          <Badge tone={priorityTone[incident.priority]}>{words.priority[incident.priority]}</Badge>
        </span>
      }
    >
      <div className="columns">
        <Card title={text.details}>
          {incident.description && <p>{incident.description}</p>}
          <Facts incident={incident} />
        </Card>
        {place && (
          <Card
            title={text.where}
            actions={
              <Link to="/map" search={{ ...place, zoom: 15, selected: incident.incidentId }}>
                {text.onMap}
              </Link>
            }
          >
            <div className="map-small">
              <MapView
                beside
                label={incident.title}
                pins={pins.ofIncident(incident)}
                selected={incident.incidentId}
                view={{ ...place, zoom: 14 }}
              />
            </div>
          </Card>
        )}
      </div>
    </Page>
  );
}

function Facts({ incident }: { incident: Incident }) {
  const text = useText(citizenText);
  const words = useText(incidentText);
  const format = useFormat();
  const { name } = useAreas();
  const direction = incident.place?.direction ?? Direction.UNSPECIFIED;
  return (
    <dl className="facts">
      <dt>{text.where}</dt>
      <dd>{[whereOf(incident) || text.unknownPlace, name(incident.areaId)].filter(Boolean).join(", ")}</dd>
      {direction > Direction.UNKNOWN && (
        <>
          <dt>{text.direction}</dt>
          <dd>{words.direction[direction]}</dd>
        </>
      )}
      {incident.lanes.length > 0 && (
        <>
          <dt>{text.lanes}</dt>
          <dd>
            <ol className="plain">
              {incident.lanes.map((lane, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a lane is its place in the row
                <li key={index}>{text.lane(index + 1, words.lane[lane])}</li>
              ))}
            </ol>
          </dd>
        </>
      )}
      {incident.team && (
        <>
          <dt>{text.team}</dt>
          <dd>{incident.team}</dd>
        </>
      )}
      {incident.startTime && (
        <>
          <dt>{text.begun}</dt>
          <dd>{format.dateTime(incident.startTime)}</dd>
        </>
      )}
      {incident.endTime && (
        <>
          <dt>{text.until}</dt>
          <dd>{format.dateTime(incident.endTime)}</dd>
        </>
      )}
      <dt>{text.changed}</dt>
      <dd>
        <Ago time={incident.updateTime} />
      </dd>
      {incident.source && (
        <>
          <dt>{text.source}</dt>
          <dd>{incident.source}</dd>
        </>
      )}
      {incident.reportIds.length > 0 && (
        <>
          <dt>{text.reports}</dt>
          <dd>
            <Link to="/reports" search={{ incident: incident.incidentId }}>
              {text.reportsOf(incident.reportIds.length)}
            </Link>
          </dd>
        </>
      )}
    </dl>
  );
}
