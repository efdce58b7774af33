// One detector: what it measured, how healthy it was, and how well its speed was foretold.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import {
  type Detector,
  type DetectorHealthEvent,
  DetectorService,
} from "~/gen/kvartal/traffic/v1/detector_pb.js";
import { Interval, ReadingService } from "~/gen/kvartal/traffic/v1/reading_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Card,
  type Column,
  Empty,
  Listing,
  Page,
  ProblemNotice,
  Segmented,
  Skeleton,
  useNow,
} from "~/kit";
import { type HORIZONS, HOURS } from "../routes";
import type { Series } from "./Chart";
import { detectorsText } from "./detectors.text";
import { ForecastOutcomes } from "./ForecastOutcomes";
import { healthTone } from "./tones";
import { trafficText } from "./traffic.text";

const Chart = lazy(() => import("./Chart"));

export interface DetectorSearch {
  hours?: (typeof HOURS)[number];
  horizon?: (typeof HORIZONS)[number];
}

/** Charts are asked anew as often as an interval can end. */
const STEP_MS = 300_000;

export function DetectorPage() {
  const text = useText(detectorsText);
  const { detectorId } = useParams({ from: "/dispatch/detectors/$detectorId" });
  const { hours = "3" } = useSearch({ from: "/dispatch/detectors/$detectorId" });
  const navigate = useNavigate({ from: "/dispatch/detectors/$detectorId" });
  const query = useQuery(DetectorService.method.getDetector, { detectorId });
  const detector = query.data?.detector;
  const end = Math.ceil(useNow() / STEP_MS) * STEP_MS;
  const range = { start: end - Number(hours) * 3_600_000, end };
  return (
    <Page
      title={detector?.displayName || detectorId}
      lead={<Link to="/dispatch/detectors">{text.back}</Link>}
      width="normal"
    >
      {query.isPending && <Skeleton />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {detector && (
        <>
          <Facts detector={detector} />
          <Segmented
            label={text.range}
            value={hours}
            options={HOURS.map((value) => ({ value, label: text.last(Number(value)) }))}
            onChange={(value) => navigate({ search: (before) => ({ ...before, hours: value }) })}
          />
          <Measured detector={detector} range={range} />
          <ForecastOutcomes detectorId={detectorId} range={range} />
          <HealthEvents detectorId={detectorId} />
        </>
      )}
    </Page>
  );
}

function Facts({ detector }: { detector: Detector }) {
  const text = useText(detectorsText);
  const words = useText(trafficText);
  const format = useFormat();
  return (
    <Card>
      <dl className="facts">
        <dt>{text.health}</dt>
        <dd>
          <Badge tone={healthTone[detector.health]}>{words.health[detector.health]}</Badge>{" "}
          {detector.brokenRules.map((rule) => words.rule[rule]).join(", ")}
        </dd>
        <dt>{text.kind}</dt>
        <dd>{words.detectorKind[detector.kind]}</dd>
        <dt>{text.segment}</dt>
        <dd>{detector.segmentId || words.none}</dd>
        <dt>{text.lane}</dt>
        <dd>{detector.lane === 0 ? text.allLanes : format.number(detector.lane)}</dd>
        <dt>{text.period}</dt>
        <dd>{text.seconds(format.number(detector.periodSeconds))}</dd>
        <dt>{text.seen}</dt>
        <dd>
          <Ago time={detector.lastMeasurement?.time} />
        </dd>
      </dl>
    </Card>
  );
}

function Measured({ detector, range }: { detector: Detector; range: { start: number; end: number } }) {
  const text = useText(detectorsText);
  const query = useQuery(ReadingService.method.listAggregates, {
    detectorId: detector.detectorId,
    interval: Interval.FIVE_MINUTES,
    startTime: timestampFromMs(range.start),
    endTime: timestampFromMs(range.end),
  });
  const aggregates = query.data?.aggregates;
  const chart = useMemo(() => {
    const all = aggregates ?? [];
    const times = all.map(({ startTime }) => (startTime ? timestampMs(startTime) / 1000 : 0));
    const series: readonly Series[] = [
      { label: text.speedKmh, color: "--accent", values: all.map(({ speedKmh }) => speedKmh?.mean ?? null) },
      {
        label: text.occupancyPercent,
        color: "--flow-2",
        dashed: true,
        second: true,
        values: all.map(({ occupancyPercent }) => occupancyPercent?.mean ?? null),
      },
    ];
    return { times, series };
  }, [aggregates, text]);
  return (
    <Card title={text.measured}>
      {query.isPending && <Skeleton lines={6} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {aggregates?.length === 0 && <Empty title={text.noReadings} />}
      {aggregates && aggregates.length > 0 && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <Chart label={text.chart(detector.displayName || detector.detectorId)} {...chart} />
        </Suspense>
      )}
    </Card>
  );
}

function HealthEvents({ detectorId }: { detectorId: string }) {
  const text = useText(detectorsText);
  const words = useText(trafficText);
  const feed = useInfiniteQuery(
    DetectorService.method.listDetectorHealthEvents,
    { detectorId, pageSize: 50, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: (last) => last.nextPageToken || undefined },
  );
  const columns: readonly Column<DetectorHealthEvent>[] = [
    { key: "rule", head: text.rule, cell: (event) => words.rule[event.rule] },
    {
      key: "what",
      head: text.what,
      cell: (event) => (
        <>
          <Badge tone={event.broken ? "danger" : "good"}>
            {event.broken ? text.brokenSince : text.healed}
          </Badge>{" "}
          {event.detail}
        </>
      ),
    },
    { key: "when", head: text.when, cell: (event) => <Ago time={event.time} /> },
  ];
  return (
    <Card title={text.events}>
      <Listing
        feed={feed}
        caption={text.events}
        columns={columns}
        rows={feed.data?.pages.flatMap((page) => page.events) ?? []}
        rowKey={(event) => event.eventId}
        empty={text.noEvents}
      />
    </Card>
  );
}
