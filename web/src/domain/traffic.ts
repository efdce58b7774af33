// How traffic is spoken of: four levels, and a score from 0 to 10 in the words that drivers know.

import { CongestionLevel } from "~/gen/kvartal/traffic/v1/common_pb.js";
import { defineText } from "~/i18n/text";
import type { Tone } from "~/kit";

export const trafficText = defineText<{
  level: { readonly [level in CongestionLevel]: string };
  score: readonly string[];
}>({
  en: {
    level: {
      [CongestionLevel.UNSPECIFIED]: "Unknown",
      [CongestionLevel.FREE]: "Free",
      [CongestionLevel.MODERATE]: "Moderate",
      [CongestionLevel.HEAVY]: "Heavy",
      [CongestionLevel.STANDSTILL]: "Standing",
    },
    score: [
      "The roads are free",
      "The roads are free",
      "Almost free",
      "Slow in places",
      "Slow in places",
      "Busy",
      "Long jams",
      "Serious jams",
      "Kilometres of jams",
      "The city stands",
      "Faster on foot",
    ],
  },
  ru: {
    level: {
      [CongestionLevel.UNSPECIFIED]: "Неизвестно",
      [CongestionLevel.FREE]: "Свободно",
      [CongestionLevel.MODERATE]: "Умеренно",
      [CongestionLevel.HEAVY]: "Плотно",
      [CongestionLevel.STANDSTILL]: "Стоит",
    },
    score: [
      "Дороги свободны",
      "Дороги свободны",
      "Почти свободно",
      "Местами затруднения",
      "Местами затруднения",
      "Движение плотное",
      "Затруднённое движение",
      "Серьёзные пробки",
      "Многокилометровые пробки",
      "Город стоит",
      "Пешком быстрее",
    ],
  },
});

export const levelTone: { readonly [level in CongestionLevel]: Tone } = {
  [CongestionLevel.UNSPECIFIED]: "neutral",
  [CongestionLevel.FREE]: "good",
  [CongestionLevel.MODERATE]: "warn",
  [CongestionLevel.HEAVY]: "danger",
  [CongestionLevel.STANDSTILL]: "danger",
};

/** From 1 to 4, as roads on the map are coloured. */
export function levelOfScore(score: number): 1 | 2 | 3 | 4 {
  if (score < 3) return 1;
  if (score < 5) return 2;
  return score < 8 ? 3 : 4;
}
