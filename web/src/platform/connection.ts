// Whether what is on the screen is up to date: the worst of the streams that the page follows.
import { useSyncExternalStore } from "react";

export interface Connection {
  /** `idle` when the page follows nothing. */
  readonly state: "idle" | "live" | "reconnecting" | "stale";
  /** Since when nothing came, in milliseconds since 1970; when live, when something came last. */
  readonly since: number;
}

/** After this long without a connection what is shown counts as old. */
const STALE_MS = 10_000;

interface Stream {
  live: boolean;
  since: number;
}

class Store {
  private readonly streams = new Map<string, Stream>();
  private readonly listeners = new Set<() => void>();
  private snapshot: Connection = { state: "idle", since: 0 };
  private timer: ReturnType<typeof setTimeout> | undefined;

  begin(key: string): void {
    this.set(key, { live: false, since: Date.now() });
  }

  heard(key: string): void {
    this.set(key, { live: true, since: Date.now() });
  }

  lost(key: string): void {
    const known = this.streams.get(key);
    if (known?.live) this.set(key, { live: false, since: known.since });
  }

  end(key: string): void {
    this.streams.delete(key);
    this.publish();
  }

  readonly get = (): Connection => this.snapshot;

  readonly subscribe = (tell: () => void): (() => void) => {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  };

  private set(key: string, stream: Stream): void {
    this.streams.set(key, stream);
    this.publish();
  }

  private publish(): void {
    clearTimeout(this.timer);
    const streams = [...this.streams.values()];
    const lost = streams.filter((stream) => !stream.live);
    let next: Connection;
    if (streams.length === 0) next = { state: "idle", since: 0 };
    else if (lost.length === 0) next = { state: "live", since: Math.min(...streams.map((s) => s.since)) };
    else {
      const since = Math.min(...lost.map((stream) => stream.since));
      const left = since + STALE_MS - Date.now();
      next = { state: left > 0 ? "reconnecting" : "stale", since };
      if (left > 0) this.timer = setTimeout(() => this.publish(), left + 50);
    }
    // While it is live the exact time matters to nobody, and every change draws the page again.
    if (next.state === this.snapshot.state && (next.state === "live" || next.since === this.snapshot.since))
      return;
    this.snapshot = next;
    for (const tell of this.listeners) tell();
  }
}

export const connection = new Store();

export function useConnection(): Connection {
  return useSyncExternalStore(connection.subscribe, connection.get);
}
