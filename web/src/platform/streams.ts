// Server streams, one for all tabs. Browsers allow six connections to an origin over plain HTTP, so the tabs elect one
// for each topic: it holds the stream and tells the others what comes. When it goes, the next one goes on from the last
// resume token, without loss and without duplicates.
import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect, useRef } from "react";
import { connection } from "./connection";
import { reasonOf } from "./errors";
import { idle } from "./idle";
import { distrustToken, useSession } from "./session";

/** Services send something at least every 15 seconds; a stream that is silent for this long is dead. */
const SILENCE_MS = 40_000;
const BACKOFF_MS = [500, 1000, 2000, 4000, 8000, 15_000];

/** A stream of the platform. `Res` is its message; every one carries a resume token. */
export interface Topic<Res extends { resumeToken: string }> {
  /** Unique; part of the name of its lock. */
  readonly name: string;
  /** Whether it needs somebody signed in. */
  readonly personal: boolean;
  open(resumeToken: string, signal: AbortSignal): AsyncIterable<Res>;
}

interface Listener<Res> {
  message(message: Res): void;
  gap(): void;
}

type Wire<Res> =
  | { kind: "message"; message: Res }
  | { kind: "gap" }
  | { kind: "state"; live: boolean; token: string }
  | { kind: "hello" };

const hubs = new Map<string, Hub<never>>();

/**
 * Follows a topic while the component is there. `onMessage` gets every message, heartbeats included; `onGap` is called
 * when something may have been missed, also at the beginning: read again what you show.
 */
export function useTopic<Res extends { resumeToken: string }>(
  topic: Topic<Res>,
  onMessage: (message: Res) => void,
  onGap: () => void,
  enabled = true,
): void {
  const session = useSession();
  const user = session?.user.userId;
  const on = enabled && (!topic.personal || user !== undefined);
  const handlers = useRef({ onMessage, onGap });
  useEffect(() => {
    handlers.current = { onMessage, onGap };
  });
  useEffect(() => {
    if (!on) return;
    const listener: Listener<Res> = {
      message: (message) => handlers.current.onMessage(message),
      gap: () => handlers.current.onGap(),
    };
    return hubOf(topic, topic.personal ? user : undefined).join(listener);
  }, [topic, user, on]);
}

function hubOf<Res extends { resumeToken: string }>(topic: Topic<Res>, user: string | undefined): Hub<Res> {
  const key = user ? `${topic.name}:${user}` : topic.name;
  const known = hubs.get(key) as Hub<Res> | undefined;
  if (known) return known;
  const hub = new Hub(key, topic);
  hubs.set(key, hub as unknown as Hub<never>);
  return hub;
}

class Hub<Res extends { resumeToken: string }> {
  private readonly listeners = new Set<Listener<Res>>();
  private stop: AbortController | undefined;
  private channel: BroadcastChannel | undefined;
  private token = "";
  /** While this tab holds the stream: what ends it. */
  private leading: AbortSignal | undefined;
  private live = false;

  constructor(
    private readonly key: string,
    private readonly topic: Topic<Res>,
  ) {}

  join(listener: Listener<Res>): () => void {
    this.listeners.add(listener);
    if (!this.stop) this.start();
    else if (this.live) queueMicrotask(() => listener.gap());
    return () => {
      this.listeners.delete(listener);
      // A page that follows the same topic may come next; it should not have to connect again.
      setTimeout(() => {
        if (this.listeners.size === 0) this.end();
      }, 250);
    };
  }

  private start(): void {
    const stop = new AbortController();
    this.stop = stop;
    this.token = "";
    connection.begin(this.key);
    this.channel = new BroadcastChannel(`kvartal.stream:${this.key}`);
    this.channel.onmessage = ({ data }: MessageEvent<Wire<Res>>) => this.hear(data);
    this.say({ kind: "hello" });
    const lead = () => this.lead(stop.signal);
    // Without locks, which browsers offer to secure origins only, each tab has its own stream.
    const turn = navigator.locks
      ? navigator.locks.request(`kvartal.stream:${this.key}`, { signal: stop.signal }, lead)
      : lead();
    turn.catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
  }

  private end(): void {
    this.stop?.abort();
    this.stop = undefined;
    this.channel?.close();
    this.channel = undefined;
    this.leading = undefined;
    this.live = false;
    connection.end(this.key);
  }

  private say(wire: Wire<Res>): void {
    this.channel?.postMessage(wire);
  }

  private hear(wire: Wire<Res>): void {
    // Where there are no locks every tab has the stream itself, and what others hear has been heard.
    if (this.leading && wire.kind !== "hello") return;
    switch (wire.kind) {
      case "message":
        this.deliver(wire.message);
        break;
      case "gap":
        this.gap();
        break;
      case "state":
        if (wire.token) this.token = wire.token;
        // From here on nothing is missed; what was before has to be read.
        if (wire.live && !this.live) this.gap();
        this.become(wire.live);
        break;
      case "hello":
        if (this.leading) this.say({ kind: "state", live: this.live, token: this.token });
    }
  }

  private deliver(message: Res): void {
    this.token = message.resumeToken || this.token;
    this.become(true);
    this.tell((listener) => listener.message(message));
  }

  private gap(): void {
    this.tell((listener) => listener.gap());
  }

  /** What breaks in one listener is no fault of the stream, and nothing to the others. */
  private tell(say: (listener: Listener<Res>) => void): void {
    for (const listener of this.listeners) {
      try {
        say(listener);
      } catch (error) {
        reportError(error);
      }
    }
  }

  private become(live: boolean): void {
    this.live = live;
    if (live) connection.heard(this.key);
    else connection.lost(this.key);
    if (this.leading) this.say({ kind: "state", live, token: this.token });
  }

  /** Holds the stream until this tab goes. */
  private async lead(stop: AbortSignal): Promise<void> {
    this.leading = stop;
    try {
      // What the page shows at first is read without the stream; one that is taken over goes on at once.
      if (this.token === "") await idle();
      for (let failures = 0; !stop.aborted; ) {
        const heard = await this.follow(stop);
        if (stop.aborted) return;
        this.become(false);
        failures = heard ? 0 : failures + 1;
        await pause(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 0, stop);
      }
    } finally {
      if (this.leading === stop) this.leading = undefined;
    }
  }

  /** One stream, until it ends however; whether anything came. */
  private async follow(stop: AbortSignal): Promise<boolean> {
    const cut = new AbortController();
    const signal = AbortSignal.any([stop, cut.signal]);
    let heard = false;
    let timer = setTimeout(() => cut.abort(), SILENCE_MS);
    const offline = () => cut.abort();
    addEventListener("offline", offline);
    try {
      const fresh = this.token === "";
      for await (const message of this.topic.open(this.token, signal)) {
        clearTimeout(timer);
        timer = setTimeout(() => cut.abort(), SILENCE_MS);
        if (!heard && fresh) {
          this.say({ kind: "gap" });
          this.gap();
        }
        heard = true;
        this.say({ kind: "message", message });
        this.deliver(message);
      }
    } catch (error) {
      if (ConnectError.from(error).code === Code.Unauthenticated) distrustToken();
      if (
        reasonOf(error) === "RESUME_TOKEN_EXPIRED" ||
        ConnectError.from(error).code === Code.InvalidArgument
      ) {
        this.token = "";
      }
    } finally {
      clearTimeout(timer);
      removeEventListener("offline", offline);
    }
    return heard;
  }
}

/** Waits with some spread, shorter when the network or the reader comes back. */
function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const waited = new AbortController();
    const done = () => {
      waited.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms * (0.5 + Math.random() / 2));
    const { signal } = waited;
    addEventListener("online", done, { signal });
    document.addEventListener("visibilitychange", () => document.hidden || done(), { signal });
    stop.addEventListener("abort", done, { signal });
    if (stop.aborted) done();
  });
}
