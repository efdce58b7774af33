// Cameras: the newest frame of each, and how old it is.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type Camera, CameraService } from "~/gen/kvartal/traffic/v1/camera_pb.js";
import { defineText, useText } from "~/i18n/text";
import { Ago, Badge, Card, Empty, More, Page, ProblemNotice, Skeleton } from "~/kit";
import { cameraTone } from "./tones";
import { trafficText } from "./traffic.text";

const camerasText = defineText({
  en: {
    title: "Cameras",
    lead: "The newest frame of each camera. The age says how much it is worth.",
    none: "No camera",
    frame: (name: string) => `What ${name} shows`,
    taken: "taken",
  },
  ru: {
    title: "Камеры",
    lead: "Последний кадр каждой камеры. По возрасту видно, чего он стоит.",
    none: "Камер нет",
    frame: (name) => `Что видно: ${name}`,
    taken: "снят",
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
          <CameraCard key={camera.cameraId} camera={camera} />
        ))}
      </div>
      <More shown={feed.hasNextPage} busy={feed.isFetchingNextPage} onClick={() => feed.fetchNextPage()} />
    </Page>
  );
}

function CameraCard({ camera }: { camera: Camera }) {
  const text = useText(camerasText);
  const words = useText(trafficText);
  const name = camera.displayName || camera.cameraId;
  // The path stays the same; the time of the frame makes browsers fetch it anew.
  const version = camera.frameTime ? `?t=${camera.frameTime.seconds}` : "";
  return (
    <Card
      title={name}
      actions={<Badge tone={cameraTone[camera.health]}>{words.camera[camera.health]}</Badge>}
    >
      {camera.framePath !== "" && (
        <img src={`${camera.framePath}${version}`} alt={text.frame(name)} className="frame" loading="lazy" />
      )}
      {camera.frameTime && (
        <p className="hint">
          {text.taken} <Ago time={camera.frameTime} />
        </p>
      )}
    </Card>
  );
}
