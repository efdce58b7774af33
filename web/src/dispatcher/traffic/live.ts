// The traffic as the desk follows it: what is on the road network, and what the stream says about it.
import { createClient } from "@connectrpc/connect";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { pointOf } from "~/domain/catalogue";
import type { CongestionLevel } from "~/gen/kvartal/traffic/v1/common_pb.js";
import { NetworkService, type Segment } from "~/gen/kvartal/traffic/v1/network_pb.js";
import type { Flow } from "~/map/types";
import { useTopic } from "~/platform/streams";
import { traffic } from "~/platform/trafficTopic";
import { transport } from "~/platform/transport";

/** More segments are not drawn; a city of this size has another tool. */
const SEGMENTS_MAX = 10_000;

/** The road network, read once. */
export function useSegments() {
  const {
    data: segments = NONE,
    error,
    refetch,
  } = useQuery({
    queryKey: ["segments"],
    queryFn: readSegments,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return { segments, error, refetch };
}

const NONE: ReadonlyMap<string, Segment> = new Map();

async function readSegments(): Promise<ReadonlyMap<string, Segment>> {
  const client = createClient(NetworkService, transport);
  const all = new Map<string, Segment>();
  let pageToken = "";
  do {
    const page = await client.listSegments({ pageSize: 200, pageToken });
    for (const segment of page.segments) all.set(segment.segmentId, segment);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && all.size < SEGMENTS_MAX);
  return all;
}

/** Levels of segments that the stream told, while it is followed; `onNews` for everything else that it tells. */
export function useLiveLevels(enabled: boolean, onNews: () => void): ReadonlyMap<string, CongestionLevel> {
  const [levels, setLevels] = useState<ReadonlyMap<string, CongestionLevel>>(new Map());
  useTopic(
    traffic,
    (message) => {
      if (message.segments.length > 0) {
        setLevels((before) => {
          const next = new Map(message.snapshot ? [] : before);
          for (const state of message.segments) next.set(state.segmentId, state.level);
          return next;
        });
      }
      if (message.jams.length + message.scores.length + message.warnings.length > 0) onNews();
    },
    onNews,
    enabled,
  );
  return levels;
}

export function flowsOf(
  segments: ReadonlyMap<string, Segment>,
  levels: ReadonlyMap<string, CongestionLevel>,
): Flow[] {
  return [...segments.values()].map(({ segmentId, geometry }) => ({
    id: segmentId,
    points: geometry.map(pointOf),
    level: (levels.get(segmentId) ?? 0) as Flow["level"],
  }));
}
