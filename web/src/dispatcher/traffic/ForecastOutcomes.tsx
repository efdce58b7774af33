// What was foretold for a detector, beside what came: with the error, so that nobody believes it more than it deserves.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import { type ForecastOutcome, ForecastService } from "~/gen/kvartal/traffic/v1/forecast_pb.js";
import { useFormat } from "~/i18n/format";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import { Card, Empty, Notice, ProblemNotice, Segmented, Skeleton, Stat } from "~/kit";
import { HORIZONS } from "../routes";
import type { Series } from "./Chart";
import { detectorsText } from "./detectors.text";
import { trafficText } from "./traffic.text";

const Chart = lazy(() => import("./Chart"));

export function ForecastOutcomes({
  detectorId,
  range,
}: {
  detectorId: string;
  range: { start: number; end: number };
}) {
  const text = useText(detectorsText);
  const words = useText(trafficText);
  const locale = useLocale();
  const format = useFormat();
  const { horizon = 15 } = useSearch({ from: "/dispatch/detectors/$detectorId" });
  const navigate = useNavigate({ from: "/dispatch/detectors/$detectorId" });
  const present = useQuery(ForecastService.method.getForecast, { detectorId });
  const query = useQuery(ForecastService.method.listForecastHistory, {
    detectorId,
    horizonMinutes: horizon,
    startTime: timestampFromMs(range.start),
    endTime: timestampFromMs(range.end),
  });
  const outcomes = query.data?.outcomes;
  const chart = useMemo(() => chartOf(outcomes ?? [], text), [outcomes, text]);
  const found = errorOf(outcomes ?? []);
  const absent =
    present.data && (locale === "en" ? present.data.absenceReasonEn : present.data.absenceReasonRu);
  return (
    <Card
      title={text.forecast}
      actions={
        <Segmented
          label={text.horizon}
          value={String(horizon)}
          options={HORIZONS.map((each) => ({ value: String(each), label: words.minutes(String(each)) }))}
          onChange={(value) =>
            navigate({
              search: (before) => ({ ...before, horizon: HORIZONS.find((each) => String(each) === value) }),
            })
          }
        />
      }
    >
      {absent && (
        <Notice tone="warn" title={text.noForecast}>
          {absent}
        </Notice>
      )}
      {query.isPending && <Skeleton lines={6} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {outcomes?.length === 0 && <Empty title={text.noOutcomes} />}
      {outcomes && outcomes.length > 0 && (
        <>
          <div className="counts">
            <Stat label={text.model} value={words.model[present.data?.model ?? 0]} />
            {found && <Stat label={text.meanError} value={words.speed(format.number(found.error, 1))} />}
            {found && <Stat label={text.within} value={format.percent(found.within)} />}
          </div>
          <Suspense fallback={<Skeleton lines={6} />}>
            <Chart label={text.forecastChart} {...chart} />
          </Suspense>
        </>
      )}
    </Card>
  );
}

function chartOf(
  outcomes: readonly ForecastOutcome[],
  text: { low: string; high: string; foretold: string; actual: string },
) {
  const known = outcomes.flatMap(({ point, actualSpeedKmh }) =>
    point?.time ? [{ point, time: point.time, actualSpeedKmh }] : [],
  );
  const series: readonly Series[] = [
    { label: text.low, color: "--line-strong", values: known.map(({ point }) => point.lowSpeedKmh) },
    {
      label: text.high,
      color: "--line-strong",
      values: known.map(({ point }) => point.highSpeedKmh),
      band: true,
    },
    {
      label: text.foretold,
      color: "--accent",
      values: known.map(({ point }) => point.speedKmh),
      dashed: true,
    },
    {
      label: text.actual,
      color: "--text",
      values: known.map(({ actualSpeedKmh }) => actualSpeedKmh ?? null),
    },
  ];
  return { times: known.map(({ time }) => timestampMs(time) / 1000), series };
}

/** Mean absolute error, and how often reality was within the interval; nothing while nothing can be compared. */
function errorOf(outcomes: readonly ForecastOutcome[]): { error: number; within: number } | undefined {
  let [count, error, within] = [0, 0, 0];
  for (const { point, actualSpeedKmh: actual } of outcomes) {
    if (!point || actual === undefined) continue;
    count += 1;
    error += Math.abs(point.speedKmh - actual);
    if (actual >= point.lowSpeedKmh && actual <= point.highSpeedKmh) within += 1;
  }
  return count === 0 ? undefined : { error: error / count, within: within / count };
}
