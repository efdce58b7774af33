// Cameras: the newest frame of each, and how old it is.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { CameraBadge, CameraFrame, cameraName } from "~/domain/camera";
import { CameraService } from "~/gen/kvartal/traffic/v1/camera_pb.js";
import { defineText, useText } from "~/i18n/text";
import { Card, Empty, More, Page, ProblemNotice, Skeleton } from "~/kit";

const camerasText = defineText({
  en: {
    title: "Cameras",
    lead: "The newest frame of each camera. The age says how much it is worth.",
    none: "No camera",
  },
  ru: {
    title: "Камеры",
    lead: "Последний кадр каждой камеры. По возрасту видно, чего он стоит.",
    none: "Камер нет",
  },
});

const EVERY_MS = 10_000;

export function CamerasPage() {
  const text = useText(camerasText);
  const feed = useInfiniteQuery(
    CameraService.method.listCameras,
    { pageSize: 48, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      refetchInterval: EVERY_MS,
    },
  );
  const cameras = feed.data?.pages.flatMap((page) => page.cameras) ?? [];
  return (
    <Page title={text.title} lead={text.lead} width="wide">
      {feed.error && <ProblemNotice error={feed.error} onRetry={() => feed.refetch()} />}
      {feed.isPending && <Skeleton lines={6} />}
      {feed.data && cameras.length === 0 && <Empty title={text.none} />}
      <div className="grid">
        {cameras.map((camera) => (
          <Card key={camera.cameraId} title={cameraName(camera)} actions={<CameraBadge camera={camera} />}>
            <CameraFrame camera={camera} />
          </Card>
        ))}
      </div>
      <More shown={feed.hasNextPage} busy={feed.isFetchingNextPage} onClick={() => feed.fetchNextPage()} />
    </Page>
  );
}
