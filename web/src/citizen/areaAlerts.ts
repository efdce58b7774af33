// Which parts of the city this device is told about while nobody is signed in: it lasts as long as the device does.
import { useSyncExternalStore } from "react";

const KEY = "kvartal.areas";
const listeners = new Set<() => void>();
let areas = read();

addEventListener("storage", (event) => {
  if (event.key === KEY) publish(read());
});

function read(): readonly string[] {
  return (localStorage.getItem(KEY) ?? "").split(" ").filter(Boolean);
}

function publish(next: readonly string[]): void {
  areas = next;
  for (const tell of listeners) tell();
}

export function followArea(areaId: string, on: boolean): void {
  const others = areas.filter((each) => each !== areaId);
  const next = on ? [...others, areaId] : others;
  localStorage.setItem(KEY, next.join(" "));
  publish(next);
}

export function useFollowedAreas(): readonly string[] {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => areas,
  );
}
