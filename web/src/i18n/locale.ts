// The language of the page: what was chosen, else what the browser prefers, else Russian.
import { useSyncExternalStore } from "react";

export type Locale = "ru" | "en";
export const LOCALES: readonly Locale[] = ["ru", "en"];

const KEY = "kvartal.locale";
const listeners = new Set<() => void>();
let current: Locale = chosenLocale() ?? preferred(navigator.languages);
document.documentElement.lang = current;

/** The first language of the list that we speak. */
export function preferred(languages: readonly string[]): Locale {
  for (const tag of languages) {
    const known = LOCALES.find((locale) => tag.toLowerCase().split("-")[0] === locale);
    if (known) return known;
  }
  return "ru";
}

/** What the reader chose on this device, if anything. */
export function chosenLocale(): Locale | undefined {
  return LOCALES.find((locale) => localStorage.getItem(KEY) === locale);
}

export function getLocale(): Locale {
  return current;
}

/** Changes the language of everything at once; `keep` remembers it on this device. */
export function setLocale(locale: Locale, keep = true): void {
  if (keep) localStorage.setItem(KEY, locale);
  current = locale;
  document.documentElement.lang = locale;
  for (const tell of listeners) tell();
}

export function useLocale(): Locale {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => current,
  );
}
