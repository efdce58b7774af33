// One stretch of road, chosen on the map: how it moves, how it usually does at this hour, how it is expected to.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { X } from "lucide-react";
import { levelTone, trafficText } from "~/domain/traffic";
import { Weekday } from "~/gen/kvartal/traffic/v1/common_pb.js";
import { CongestionService, type SegmentState } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { NetworkService } from "~/gen/kvartal/traffic/v1/network_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Badge, Button, Card, Empty, ProblemNotice, Skeleton, useNow } from "~/kit";
import { Spark } from "./Spark";
import { trafficPageText } from "./traffic.text";

const HOURS_MS = 3 * 3_600_000;
const STATE_MS = 60_000;
/** The line of the last hours has a point for so long. */
const STEP_MS = 300_000;
const TODAY: readonly Weekday[] = [
  Weekday.SUNDAY,
  Weekday.MONDAY,
  Weekday.TUESDAY,
  Weekday.WEDNESDAY,
  Weekday.THURSDAY,
  Weekday.FRIDAY,
  Weekday.SATURDAY,
];

export function RoadCard({ segmentId, onClose }: { segmentId: string; onClose: () => void }) {
  const text = useText(trafficPageText);
  const words = useText(trafficText);
  const format = useFormat();
  const end = Math.ceil(useNow() / STEP_MS) * STEP_MS;
  const road = useQuery(
    NetworkService.method.getSegment,
    { segmentId },
    { staleTime: Number.POSITIVE_INFINITY },
  );
  const state = useQuery(
    CongestionService.method.listSegmentStates,
    { filter: { segmentIds: [segmentId] } },
    { refetchInterval: STATE_MS },
  );
  const history = useQuery(CongestionService.method.listSegmentHistory, {
    segmentId,
    startTime: timestampFromMs(end - HOURS_MS),
    endTime: timestampFromMs(end),
  });
  const typical = useQuery(CongestionService.method.getTypicalProfile, {
    segmentId,
    weekday: TODAY[new Date(end).getDay()],
  });
  // The stream puts other roads beside it.
  const now = state.data?.states.find((each) => each.segmentId === segmentId);
  const problem = (!road.data && road.error) || (!state.data && state.error);
  return (
    <Card
      title={road.data?.segment?.displayName || text.road}
      actions={
        <Button look="quiet" iconOnly icon={<X aria-hidden="true" />} onClick={onClose}>
          {text.closePanel}
        </Button>
      }
    >
      {(road.isPending || state.isPending) && <Skeleton lines={4} />}
      {problem && (
        <ProblemNotice
          error={problem}
          onRetry={() => {
            road.refetch();
            state.refetch();
          }}
        />
      )}
      {now && (
        <dl className="facts">
          <dt>{text.now}</dt>
          <dd>
            <Badge tone={levelTone[now.level]}>{words.level[now.level]}</Badge>{" "}
            {now.speedKmh !== undefined && text.speed(format.number(now.speedKmh))}
          </dd>
          <dt>{text.free}</dt>
          <dd>{text.speed(format.number(now.freeFlowSpeedKmh))}</dd>
        </dl>
      )}
      {state.data && !now && <Empty title={text.notMeasured} />}
      <Spark values={speeds(history.data?.states ?? [], end)} low={0} label={text.lastHours} />
      <Spark
        values={typical.data?.slots.map((slot) => slot.medianSpeedKmh) ?? []}
        low={0}
        label={text.typicalDay}
      />
    </Card>
  );
}

/** Speeds at equal distances of time, from changes of state at any time. */
function speeds(states: readonly SegmentState[], end: number): number[] {
  const known = states.flatMap(({ observeTime, speedKmh }) =>
    observeTime && speedKmh !== undefined ? [{ at: timestampMs(observeTime), speedKmh }] : [],
  );
  const times = Array.from(
    { length: HOURS_MS / STEP_MS },
    (_, step) => end - HOURS_MS + (step + 1) * STEP_MS,
  );
  return times.flatMap((time) => known.findLast(({ at }) => at <= time)?.speedKmh ?? []);
}
