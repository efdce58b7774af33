// Traffic as it is: read once, then kept up by the stream.
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { createConnectQueryKey, useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import {
  CongestionService,
  type GetScoresResponse,
  type ListJamsResponse,
  type ListSegmentStatesResponse,
} from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import type { WatchTrafficResponse } from "~/gen/kvartal/traffic/v1/live_pb.js";
import { NetworkService } from "~/gen/kvartal/traffic/v1/network_pb.js";
import type { Flow } from "~/map/types";
import { isAbsent } from "~/platform/query";
import { useTopic } from "~/platform/streams";
import { traffic } from "~/platform/trafficTopic";
import { pointOf } from "./data";

const { getScores, listJams, listSegmentStates } = CongestionService.method;
/** As many as a page of each may have. */
const JAMS = 200;
const STATES = 5000;
const SEGMENTS = 200;
/** More segments than this are not drawn one by one. */
const PAGES_MAX = 25;

/** The city's score and those of its districts; absent where no traffic is measured. */
export function useScores(): GetScoresResponse | undefined {
  return useQuery(getScores, {}, { retry: false }).data;
}

export function useJams() {
  return useQuery(listJams, { pageSize: JAMS, filter: { active: true } });
}

/** Keeps scores, jams and states of roads up to date while the component is there. */
export function useFreshTraffic(): void {
  const client = useQueryClient();
  const absent = isAbsent(useQuery(getScores, {}).error);
  const reread = () => {
    const queryKey = createConnectQueryKey({ schema: CongestionService, cardinality: undefined });
    client.invalidateQueries({ queryKey });
  };
  useTopic(traffic, (message) => apply(client, message), reread, !absent);
}

function apply(client: QueryClient, message: WatchTrafficResponse): void {
  const key = (schema: DescMethodUnary) => ({
    queryKey: createConnectQueryKey({ schema, cardinality: "finite" }),
  });
  if (message.scores.length > 0) {
    client.setQueriesData<GetScoresResponse>(key(getScores), (known) => {
      if (!known) return known;
      const newest = (id: string) => message.scores.find(({ districtId }) => districtId === id);
      const districts = known.districts.map((district) => newest(district.districtId) ?? district);
      return { ...known, city: newest("") ?? known.city, districts };
    });
  }
  if (message.jams.length > 0) {
    client.setQueriesData<ListJamsResponse>(key(listJams), (known) => {
      if (!known) return known;
      const changed = new Set(message.jams.map(({ jamId }) => jamId));
      const others = known.jams.filter(({ jamId }) => !changed.has(jamId));
      return { ...known, jams: [...message.jams.filter((jam) => !jam.endTime), ...others] };
    });
  }
  if (message.segments.length > 0) {
    client.setQueriesData<ListSegmentStatesResponse>(key(listSegmentStates), (known) => {
      if (!known) return known;
      const newest = new Map(message.segments.map((state) => [state.segmentId, state]));
      const states = known.states.map((state) => {
        const newer = newest.get(state.segmentId);
        newest.delete(state.segmentId);
        return newer ?? state;
      });
      return { ...known, states: [...states, ...newest.values()] };
    });
  }
}

/** Every road with its level, for maps. */
export function useFlows(enabled: boolean): readonly Flow[] {
  const roads = useInfiniteQuery(
    NetworkService.method.listSegments,
    { pageSize: SEGMENTS, pageToken: "" },
    {
      enabled,
      staleTime: Number.POSITIVE_INFINITY,
      pageParamKey: "pageToken",
      getNextPageParam: (page, pages) => (pages.length < PAGES_MAX && page.nextPageToken) || undefined,
    },
  );
  const { hasNextPage, isFetchingNextPage, fetchNextPage, data } = roads;
  useEffect(() => {
    if (enabled && hasNextPage && !isFetchingNextPage) fetchNextPage();
  }, [enabled, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const states = useQuery(listSegmentStates, { pageSize: STATES }, { enabled }).data?.states;
  return useMemo(() => {
    if (!enabled) return [];
    const levels = new Map(states?.map(({ segmentId, level }) => [segmentId, level]));
    return (data?.pages ?? []).flatMap((page) =>
      page.segments.map(({ segmentId, geometry }) => ({
        id: segmentId,
        points: geometry.map(pointOf),
        level: (levels.get(segmentId) ?? 0) as Flow["level"],
      })),
    );
  }, [enabled, data, states]);
}
