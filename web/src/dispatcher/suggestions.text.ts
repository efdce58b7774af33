// Words of suggested incidents.
import { defineText, pluralEn, pluralRu } from "~/i18n/text";

export const suggestionsText = defineText({
  en: {
    title: "Suggested by the roads",
    jam: (place: string) => `Jam: ${place}`,
    failed: (names: string) => `Detectors failed: ${names}`,
    queue: (length: string) => `queue of ${length}`,
    detectors: (count: number) => pluralEn(count, "detector", "detectors"),
    accept: "Log as incident",
    dismiss: "Dismiss",
    dismissOf: (title: string) => `Dismiss: ${title}`,
    reason: "Why it is no incident",
    reasonHint: "This place is not suggested again for two hours.",
  },
  ru: {
    title: "Предлагают дороги",
    jam: (place) => `Пробка: ${place}`,
    failed: (names) => `Неисправны детекторы: ${names}`,
    queue: (length) => `очередь ${length}`,
    detectors: (count) => pluralRu(count, "детектор", "детектора", "детекторов"),
    accept: "Завести инцидент",
    dismiss: "Отклонить",
    dismissOf: (title) => `Отклонить: ${title}`,
    reason: "Почему это не инцидент",
    reasonHint: "Два часа это место не будет предлагаться снова.",
  },
});
