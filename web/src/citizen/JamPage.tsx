// One jam: where it stands, how it grew, how long it takes to get through.
import "./citizen.css";
import { useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { pointOf } from "~/domain/catalogue";
import { levelTone, trafficText } from "~/domain/traffic";
import { CongestionService, type GetJamResponse } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Badge, Card, Notice, Page, ProblemNotice, Skeleton } from "~/kit";
import { MapView } from "~/map/MapView";
import { isNotFound } from "~/platform/query";
import { NotFound } from "~/shell/ErrorPages";
import { citizenText } from "./citizen.text";
import { useFlows } from "./flows";
import { jamRoute } from "./routes";
import { Spark } from "./Spark";
import { useFreshTraffic } from "./traffic";
import { trafficPageText } from "./traffic.text";

export function JamPage() {
  const text = useText(trafficPageText);
  const { jamId } = jamRoute.useParams();
  const answer = useQuery(CongestionService.method.getJam, { jamId }, { refetchInterval: 30_000 });
  useFreshTraffic();
  if (isNotFound(answer.error)) return <NotFound />;
  if (!answer.data?.jam) {
    return (
      <Page title={text.jam}>
        {answer.isError ? (
          <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} />
        ) : (
          <Skeleton />
        )}
      </Page>
    );
  }
  return <Shown answer={answer.data} />;
}

function Shown({ answer: { jam, moments } }: { answer: GetJamResponse }) {
  const text = useText(trafficPageText);
  const words = useText(trafficText);
  const map = useText(citizenText);
  const format = useFormat();
  const { flows } = useFlows(true);
  if (!jam) return null;
  const head = jam.headLocation && pointOf(jam.headLocation);
  const name = jam.displayName || jam.corridor || text.jam;
  return (
    <Page
      title={name}
      lead={
        <span className="row">
          <Badge tone={levelTone[jam.level]}>{words.level[jam.level]}</Badge>
          <span>
            {[
              text.queue(format.distance(jam.queueLengthM)),
              text.speed(format.number(jam.meanSpeedKmh)),
            ].join(" · ")}
          </span>
        </span>
      }
    >
      {jam.endTime && <Notice tone="good" title={text.over} />}
      <div className="columns">
        <Card title={map.details}>
          <dl className="facts">
            <dt>{map.begun}</dt>
            <dd>{jam.startTime && format.dateTime(jam.startTime)}</dd>
            <TravelTimes segmentIds={jam.segmentIds} />
          </dl>
          <Spark values={moments.map((moment) => moment.queueLengthM)} low={0} label={text.moments} />
        </Card>
        {head && (
          <Card
            title={map.where}
            actions={
              <Link to="/map" search={{ ...head, zoom: 15, selected: jam.jamId }}>
                {map.onMap}
              </Link>
            }
          >
            <div className="map-small">
              <MapView
                beside
                label={name}
                flows={flows}
                pins={[{ ...head, id: jam.jamId, kind: "jam", tone: levelTone[jam.level], label: name }]}
                selected={jam.jamId}
                view={{ ...head, zoom: 14 }}
              />
            </div>
          </Card>
        )}
      </div>
    </Page>
  );
}

function TravelTimes({ segmentIds }: { segmentIds: string[] }) {
  const text = useText(trafficPageText);
  const format = useFormat();
  // A jam tells its segments from the head against the traffic; one drives them the other way round.
  const way = segmentIds.toReversed();
  const enabled = way.length > 0;
  const times = useQuery(CongestionService.method.getTravelTime, { segmentIds: way }, { enabled }).data;
  if (!times) return null;
  const minutes = (seconds: number) => text.minutes(format.number(seconds / 60, 1));
  return (
    <>
      <dt>{text.through}</dt>
      <dd>{minutes(times.experiencedSeconds)}</dd>
      <dt>{text.freeFlow}</dt>
      <dd>{minutes(times.freeFlowSeconds)}</dd>
      {times.typicalSeconds !== undefined && (
        <>
          <dt>{text.usual}</dt>
          <dd>{minutes(times.typicalSeconds)}</dd>
        </>
      )}
    </>
  );
}
