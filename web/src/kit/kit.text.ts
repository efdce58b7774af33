// Words of the components.
import { defineText } from "~/i18n/text";

export const kitText = defineText({
  en: {
    traceId: "Number of this error",
    copy: "Copy",
    copied: "Copied",
    tryAgain: "Try again",
    loading: "Loading…",
    close: "Close",
    more: "Show more",
    required: "required",
    appName: "Kvartal",
  },
  ru: {
    traceId: "Номер ошибки",
    copy: "Скопировать",
    copied: "Скопировано",
    tryAgain: "Попробовать снова",
    loading: "Загрузка…",
    close: "Закрыть",
    more: "Показать ещё",
    required: "обязательно",
    appName: "Квартал",
  },
});
