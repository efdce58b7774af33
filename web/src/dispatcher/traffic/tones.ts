// Colours of what the traffic pages name.
import { DetectorHealth } from "~/gen/kvartal/traffic/v1/detector_pb.js";
import { PatrolStatus } from "~/gen/kvartal/traffic/v1/patrol_pb.js";
import type { Tone } from "~/kit";

export const healthTone: { readonly [health in DetectorHealth]: Tone } = {
  [DetectorHealth.UNSPECIFIED]: "neutral",
  [DetectorHealth.GOOD]: "good",
  [DetectorHealth.FAILED]: "danger",
  [DetectorHealth.RETIRED]: "neutral",
};

export const patrolTone: { readonly [status in PatrolStatus]: Tone } = {
  [PatrolStatus.UNSPECIFIED]: "neutral",
  [PatrolStatus.OFF_DUTY]: "neutral",
  [PatrolStatus.AVAILABLE]: "good",
  [PatrolStatus.EN_ROUTE]: "info",
  [PatrolStatus.ON_SCENE]: "warn",
  [PatrolStatus.BUSY]: "warn",
};
