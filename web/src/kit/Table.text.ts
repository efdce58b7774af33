// Words of lists.
import { defineText } from "~/i18n/text";

export const tableText = defineText({
  en: { empty: "Nothing here" },
  ru: { empty: "Здесь пусто" },
});
