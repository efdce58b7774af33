// What maps show of traffic: every road with its level, and cameras.
import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { pointOf } from "~/domain/catalogue";
import { type Camera, CameraService } from "~/gen/kvartal/traffic/v1/camera_pb.js";
import { CongestionService } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { ForecastService } from "~/gen/kvartal/traffic/v1/forecast_pb.js";
import { NetworkService } from "~/gen/kvartal/traffic/v1/network_pb.js";
import type { Flow } from "~/map/types";
import { isAbsent, useAllPages } from "~/platform/query";

/** As many as a page of each may have. */
const STATES = 5000;
const SEGMENTS = 200;
const CAMERAS = 200;
/** Forecasts are made once a minute, frames come somewhat oftener. */
const FORECAST_MS = 60_000;
const FRAME_MS = 20_000;
/** More segments than this are not drawn one by one. */
const PAGES_MAX = 25;

interface Flows {
  readonly flows: readonly Flow[];
  /** Nothing can be said of then. */
  readonly unknown: boolean;
  /** Why roads are missing. */
  readonly error: unknown;
}

/** Every road with its level, now or so many minutes ahead, for maps. */
export function useFlows(enabled: boolean, ahead = 0): Flows {
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
  const { data } = roads;
  useAllPages(roads, enabled);
  const states = useQuery(
    CongestionService.method.listSegmentStates,
    { pageSize: STATES },
    { enabled: enabled && ahead === 0 },
  );
  const forecasts = useQuery(
    ForecastService.method.listSegmentForecasts,
    { horizonMinutes: ahead, pageSize: STATES },
    { enabled: enabled && ahead > 0, refetchInterval: FORECAST_MS },
  );
  const known = ahead === 0 ? states.data?.states : forecasts.data?.forecasts;
  const error = roads.error ?? (ahead === 0 ? states.error : forecasts.error);
  const flows = useMemo(() => {
    if (!enabled) return [];
    const levels = new Map(known?.map(({ segmentId, level }) => [segmentId, level]));
    return (data?.pages ?? []).flatMap((page) =>
      page.segments.map(({ segmentId, geometry }) => ({
        id: segmentId,
        points: geometry.map(pointOf),
        level: (levels.get(segmentId) ?? 0) as Flow["level"],
      })),
    );
  }, [enabled, data, known]);
  return {
    flows,
    unknown: enabled && ahead > 0 && known?.length === 0,
    error: enabled && !isAbsent(error) ? error : null,
  };
}

/** Cameras by the road, with their newest frames. */
export function useCameras(enabled: boolean): readonly Camera[] {
  const feed = useQuery(
    CameraService.method.listCameras,
    { pageSize: CAMERAS },
    { enabled, refetchInterval: FRAME_MS },
  );
  return (enabled && feed.data?.cameras) || [];
}
