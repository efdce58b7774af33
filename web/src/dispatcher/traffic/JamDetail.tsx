// One jam: how its queue grew and shrank.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { lazy, Suspense, useMemo } from "react";
import { CongestionService } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { useText } from "~/i18n/text";
import { Dialog, ProblemNotice, Skeleton } from "~/kit";
import type { Series } from "./Chart";
import { roadsText } from "./roads.text";

const Chart = lazy(() => import("./Chart"));

export function JamDetail({ jamId, onClose }: { jamId: string; onClose: () => void }) {
  const text = useText(roadsText);
  const query = useQuery(CongestionService.method.getJam, { jamId });
  const moments = query.data?.moments;
  const chart = useMemo(() => {
    const known = (moments ?? []).flatMap((moment) =>
      moment.time ? [{ ...moment, time: moment.time }] : [],
    );
    const series: readonly Series[] = [
      { label: text.queueMetres, color: "--flow-4", values: known.map(({ queueLengthM }) => queueLengthM) },
      {
        label: text.speedKmh,
        color: "--accent",
        dashed: true,
        second: true,
        values: known.map((m) => m.meanSpeedKmh),
      },
    ];
    return { times: known.map(({ time }) => timestampMs(time) / 1000), series };
  }, [moments, text]);
  const jam = query.data?.jam;
  return (
    <Dialog title={jam?.displayName || jam?.corridor || text.jam} onClose={onClose}>
      {query.isPending && <Skeleton lines={6} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {moments && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <Chart label={text.jamChart} {...chart} />
        </Suspense>
      )}
    </Dialog>
  );
}
