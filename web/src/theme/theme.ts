// Light, dark, or as the device has it.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const KEY = "kvartal.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let current: Theme = THEMES.find((theme) => localStorage.getItem(KEY) === theme) ?? "system";
apply();
dark.addEventListener("change", apply);

export function setTheme(theme: Theme): void {
  current = theme;
  localStorage.setItem(KEY, theme);
  apply();
}

function apply(): void {
  document.documentElement.dataset.theme = current === "system" ? (dark.matches ? "dark" : "light") : current;
  for (const tell of listeners) tell();
}

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** What was chosen. */
export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => current);
}

/** What is shown. */
export function useShade(): "light" | "dark" {
  return useSyncExternalStore(subscribe, () =>
    document.documentElement.dataset.theme === "dark" ? "dark" : "light",
  );
}
