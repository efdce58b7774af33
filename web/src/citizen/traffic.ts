// Traffic as it is: read once, then kept up by the stream.
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { createConnectQueryKey, useQuery } from "@connectrpc/connect-query";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import {
  CongestionService,
  type GetScoresResponse,
  type ListJamsResponse,
  type ListSegmentStatesResponse,
} from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import type { WatchTrafficResponse } from "~/gen/kvartal/traffic/v1/live_pb.js";
import { isAbsent } from "~/platform/query";
import { useTopic } from "~/platform/streams";
import { traffic } from "~/platform/trafficTopic";

const { getScores, listJams, listSegmentStates } = CongestionService.method;
/** As many as a page may have. */
const JAMS = 200;

/** The city's score and those of its districts; an error where no traffic is measured. */
export function useScores() {
  return useQuery(getScores, {});
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
