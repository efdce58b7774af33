// Pages in files of their own, fetched when they are opened.
import { lazyRouteComponent } from "@tanstack/react-router";

/** Thrown by a page whose file cannot be had while the platform cannot be reached. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("the page cannot be fetched", { cause });
  }
}

/**
 * As `lazyRouteComponent`. That one reloads everything when a file is missing, which is right after an update of the
 * platform; without a network it would leave nothing of what the reader has.
 */
export function lazyPage<T extends Record<string, unknown>, Name extends keyof T>(
  load: () => Promise<T>,
  name: Name,
) {
  return lazyRouteComponent<T, Name>(() => load().catch(explain), name);
}

async function explain(error: unknown): Promise<never> {
  const answer = await fetch("/app.json", { cache: "no-store" }).catch(() => undefined);
  throw answer ? error : new Unreachable(error);
}
