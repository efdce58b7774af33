// The language of the page: what was chosen, else what the browser prefers, else Russian.
import { useSyncExternalStore } from "react";

export type Locale = "ru" | "en";
export const LOCALES: readonly Locale[] = ["ru", "en"];

const KEY = "kvartal.locale";
const listeners = new Set<() => void>();
// `first.js` has found it out already, before anything was painted. The build, which reads words too, has no document.
let current: Locale = LOCALES.find((locale) => locale === globalThis.document?.documentElement.lang) ?? "ru";

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
