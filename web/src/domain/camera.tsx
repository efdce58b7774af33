// How cameras are shown: the newest frame, how old it is, and whether it shows anything.
import { type Camera, CameraHealth } from "~/gen/kvartal/traffic/v1/camera_pb.js";
import { defineText, useText } from "~/i18n/text";
import { Ago, Badge, type Tone } from "~/kit";

const cameraText = defineText<{
  health: { readonly [health in CameraHealth]: string };
  frame: (name: string) => string;
  taken: string;
}>({
  en: {
    health: {
      [CameraHealth.UNSPECIFIED]: "no frame yet",
      [CameraHealth.GOOD]: "well",
      [CameraHealth.STALE]: "old frame",
      [CameraHealth.FROZEN]: "frozen",
      [CameraHealth.DARK]: "dark",
    },
    frame: (name) => `What ${name} shows`,
    taken: "taken",
  },
  ru: {
    health: {
      [CameraHealth.UNSPECIFIED]: "кадров не было",
      [CameraHealth.GOOD]: "исправна",
      [CameraHealth.STALE]: "старый кадр",
      [CameraHealth.FROZEN]: "застыла",
      [CameraHealth.DARK]: "темно",
    },
    frame: (name) => `Что видно: ${name}`,
    taken: "снят",
  },
});

export const cameraTone: { readonly [health in CameraHealth]: Tone } = {
  [CameraHealth.UNSPECIFIED]: "neutral",
  [CameraHealth.GOOD]: "good",
  [CameraHealth.STALE]: "warn",
  [CameraHealth.FROZEN]: "danger",
  [CameraHealth.DARK]: "danger",
};

export function cameraName({ displayName, cameraId }: Camera): string {
  return displayName || cameraId;
}

export function CameraBadge({ camera: { health } }: { camera: Camera }) {
  const text = useText(cameraText);
  return <Badge tone={cameraTone[health]}>{text.health[health]}</Badge>;
}

export function CameraFrame({ camera }: { camera: Camera }) {
  const text = useText(cameraText);
  const { framePath, frameTime } = camera;
  // The path stays the same; the time of the frame makes browsers fetch it anew.
  const version = frameTime ? `?t=${frameTime.seconds}` : "";
  return (
    <>
      {framePath !== "" && (
        <img
          src={`${framePath}${version}`}
          alt={text.frame(cameraName(camera))}
          className="frame"
          loading="lazy"
        />
      )}
      {frameTime && (
        <p className="hint">
          {text.taken} <Ago time={frameTime} />
        </p>
      )}
    </>
  );
}
