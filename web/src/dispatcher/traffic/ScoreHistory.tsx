// The score of the city over the last day, beside what is usual.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { lazy, Suspense, useMemo } from "react";
import { CongestionService } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { useText } from "~/i18n/text";
import { Card, Empty, ProblemNotice, Skeleton } from "~/kit";
import type { Series } from "./Chart";
import { roadsText } from "./roads.text";

const Chart = lazy(() => import("./Chart"));
const DAY_MS = 86_400_000;

/** Up to `end`, in milliseconds since 1970. */
export function ScoreHistory({ end }: { end: number }) {
  const text = useText(roadsText);
  const query = useQuery(CongestionService.method.listScoreHistory, {
    startTime: timestampFromMs(end - DAY_MS),
    endTime: timestampFromMs(end),
    pageSize: 2000,
  });
  const scores = query.data?.scores;
  const chart = useMemo(() => {
    const known = (scores ?? []).flatMap((score) => (score.time ? [{ ...score, time: score.time }] : []));
    const series: readonly Series[] = [
      { label: text.score, color: "--flow-3", values: known.map(({ score }) => score) },
      {
        label: text.usual,
        color: "--line-strong",
        dashed: true,
        values: known.map((s) => s.typicalScore ?? null),
      },
    ];
    return { times: known.map(({ time }) => timestampMs(time) / 1000), series };
  }, [scores, text]);
  return (
    <Card title={text.scoreHistory}>
      {query.isPending && <Skeleton lines={5} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {scores?.length === 0 && <Empty title={text.noScores} />}
      {scores && scores.length > 0 && (
        <Suspense fallback={<Skeleton lines={5} />}>
          <Chart label={text.scoreHistory} {...chart} />
        </Suspense>
      )}
    </Card>
  );
}
