// Title and lead of the pages where people begin, for `first.js`: the build writes them into it.
import { citizenText } from "./citizen/citizen.text";
import { reportText } from "./citizen/report.text";
import type { Text } from "./i18n/text";
import { accountText } from "./shell/account.text";

type Width = "narrow" | "normal" | "wide";
type Words<T> = { [Key in keyof T]: T[Key] extends string ? Key : never }[keyof T];

function page<T>(width: Width, { en, ru }: Text<T>, title: Words<T>, lead: Words<T>) {
  return { width, en: [en[title], en[lead]], ru: [ru[title], ru[lead]] };
}

/** By path. */
export const firstWords = {
  "/": page("normal", citizenText, "city", "cityLead"),
  "/map": page("wide", citizenText, "map", "mapLead"),
  "/report": page("narrow", reportText, "title", "lead"),
  "/reports": page("normal", reportText, "list", "listLead"),
  "/sign-in": page("narrow", accountText, "signIn", "signInLead"),
};
