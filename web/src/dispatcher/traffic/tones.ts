// Colours of what the traffic pages name.
import { CameraHealth } from "~/gen/kvartal/traffic/v1/camera_pb.js";
import { CongestionLevel } from "~/gen/kvartal/traffic/v1/common_pb.js";
import { DetectorHealth } from "~/gen/kvartal/traffic/v1/detector_pb.js";
import { PatrolStatus } from "~/gen/kvartal/traffic/v1/patrol_pb.js";
import type { Tone } from "~/kit";

export const levelTone: { readonly [level in CongestionLevel]: Tone } = {
  [CongestionLevel.UNSPECIFIED]: "neutral",
  [CongestionLevel.FREE]: "good",
  [CongestionLevel.MODERATE]: "warn",
  [CongestionLevel.HEAVY]: "danger",
  [CongestionLevel.STANDSTILL]: "danger",
};

export const healthTone: { readonly [health in DetectorHealth]: Tone } = {
  [DetectorHealth.UNSPECIFIED]: "neutral",
  [DetectorHealth.GOOD]: "good",
  [DetectorHealth.FAILED]: "danger",
  [DetectorHealth.RETIRED]: "neutral",
};

export const cameraTone: { readonly [health in CameraHealth]: Tone } = {
  [CameraHealth.UNSPECIFIED]: "neutral",
  [CameraHealth.GOOD]: "good",
  [CameraHealth.STALE]: "warn",
  [CameraHealth.FROZEN]: "danger",
  [CameraHealth.DARK]: "danger",
};

export const patrolTone: { readonly [status in PatrolStatus]: Tone } = {
  [PatrolStatus.UNSPECIFIED]: "neutral",
  [PatrolStatus.OFF_DUTY]: "neutral",
  [PatrolStatus.AVAILABLE]: "good",
  [PatrolStatus.EN_ROUTE]: "info",
  [PatrolStatus.ON_SCENE]: "warn",
  [PatrolStatus.BUSY]: "warn",
};
