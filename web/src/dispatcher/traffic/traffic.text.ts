// Words of the traffic pages.
import { CongestionLevel } from "~/gen/kvartal/traffic/v1/common_pb.js";
import { DetectorHealth, DetectorKind, HealthRule } from "~/gen/kvartal/traffic/v1/detector_pb.js";
import { ForecastModel } from "~/gen/kvartal/traffic/v1/forecast_pb.js";
import { PatrolStatus } from "~/gen/kvartal/traffic/v1/patrol_pb.js";
import { defineText } from "~/i18n/text";

interface TrafficText {
  level: { readonly [level in CongestionLevel]: string };
  health: { readonly [health in DetectorHealth]: string };
  detectorKind: { readonly [kind in DetectorKind]: string };
  rule: { readonly [rule in HealthRule]: string };
  patrol: { readonly [status in PatrolStatus]: string };
  model: { readonly [model in ForecastModel]: string };
  speed: (kmh: string) => string;
  minutes: (count: string) => string;
  none: string;
}

export const trafficText = defineText<TrafficText>({
  en: {
    level: {
      [CongestionLevel.UNSPECIFIED]: "not measured",
      [CongestionLevel.FREE]: "free",
      [CongestionLevel.MODERATE]: "moderate",
      [CongestionLevel.HEAVY]: "heavy",
      [CongestionLevel.STANDSTILL]: "standing",
    },
    health: {
      [DetectorHealth.UNSPECIFIED]: "not heard of",
      [DetectorHealth.GOOD]: "well",
      [DetectorHealth.FAILED]: "failed",
      [DetectorHealth.RETIRED]: "retired",
    },
    detectorKind: {
      [DetectorKind.UNSPECIFIED]: "unknown",
      [DetectorKind.INDUCTIVE_LOOP]: "loop",
      [DetectorKind.RADAR]: "radar",
      [DetectorKind.VIDEO]: "video",
      [DetectorKind.TRAVEL_TIME]: "travel time",
      [DetectorKind.OTHER]: "other",
    },
    rule: {
      [HealthRule.UNSPECIFIED]: "unknown",
      [HealthRule.NO_HITS]: "no hits",
      [HealthRule.CHATTER]: "chatter",
      [HealthRule.LOCKED_ON]: "locked on",
      [HealthRule.NO_CHANGE]: "no change",
      [HealthRule.OCCUPANCY_SPIKE]: "occupancy spike",
      [HealthRule.SILENT]: "silent",
    },
    patrol: {
      [PatrolStatus.UNSPECIFIED]: "unknown",
      [PatrolStatus.OFF_DUTY]: "off duty",
      [PatrolStatus.AVAILABLE]: "available",
      [PatrolStatus.EN_ROUTE]: "on the way",
      [PatrolStatus.ON_SCENE]: "on the scene",
      [PatrolStatus.BUSY]: "busy",
    },
    model: {
      [ForecastModel.UNSPECIFIED]: "none",
      [ForecastModel.LAST_VALUE]: "as it is now",
      [ForecastModel.SAME_TIME_LAST_WEEK]: "as a week ago",
      [ForecastModel.PROFILE_DEVIATION]: "profile and deviation",
      [ForecastModel.RIDGE]: "learnt from the last hour",
    },
    speed: (kmh) => `${kmh} km/h`,
    minutes: (count) => `${count} min`,
    none: "–",
  },
  ru: {
    level: {
      [CongestionLevel.UNSPECIFIED]: "не измерено",
      [CongestionLevel.FREE]: "свободно",
      [CongestionLevel.MODERATE]: "затруднено",
      [CongestionLevel.HEAVY]: "плотно",
      [CongestionLevel.STANDSTILL]: "стоит",
    },
    health: {
      [DetectorHealth.UNSPECIFIED]: "данных не было",
      [DetectorHealth.GOOD]: "исправен",
      [DetectorHealth.FAILED]: "неисправен",
      [DetectorHealth.RETIRED]: "снят",
    },
    detectorKind: {
      [DetectorKind.UNSPECIFIED]: "неизвестно",
      [DetectorKind.INDUCTIVE_LOOP]: "петля",
      [DetectorKind.RADAR]: "радар",
      [DetectorKind.VIDEO]: "видео",
      [DetectorKind.TRAVEL_TIME]: "время в пути",
      [DetectorKind.OTHER]: "другое",
    },
    rule: {
      [HealthRule.UNSPECIFIED]: "неизвестно",
      [HealthRule.NO_HITS]: "нет проездов",
      [HealthRule.CHATTER]: "дребезг",
      [HealthRule.LOCKED_ON]: "залип",
      [HealthRule.NO_CHANGE]: "не меняется",
      [HealthRule.OCCUPANCY_SPIKE]: "скачок занятости",
      [HealthRule.SILENT]: "молчит",
    },
    patrol: {
      [PatrolStatus.UNSPECIFIED]: "неизвестно",
      [PatrolStatus.OFF_DUTY]: "не на смене",
      [PatrolStatus.AVAILABLE]: "свободен",
      [PatrolStatus.EN_ROUTE]: "в пути",
      [PatrolStatus.ON_SCENE]: "на месте",
      [PatrolStatus.BUSY]: "занят",
    },
    model: {
      [ForecastModel.UNSPECIFIED]: "нет",
      [ForecastModel.LAST_VALUE]: "как сейчас",
      [ForecastModel.SAME_TIME_LAST_WEEK]: "как неделю назад",
      [ForecastModel.PROFILE_DEVIATION]: "профиль и отклонение",
      [ForecastModel.RIDGE]: "выучено по последнему часу",
    },
    speed: (kmh) => `${kmh} км/ч`,
    minutes: (count) => `${count} мин`,
    none: "–",
  },
});
