// Reports that wait for the network: kept on the device, sent as soon as there is one.
import { Code, ConnectError } from "@connectrpc/connect";
import { get, update } from "idb-keyval";
import { useSyncExternalStore } from "react";
import { type Draft, giveBack, send } from "./draft";

const OUTBOX = "kvartal.outbox";
const RETRY_MS = 30_000;
const WAITING: readonly Code[] = [Code.Unavailable, Code.DeadlineExceeded];
/** With these the report itself is refused, and would be again. */
const REFUSED: readonly Code[] = [
  Code.InvalidArgument,
  Code.FailedPrecondition,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.OutOfRange,
];
const listeners = new Set<() => void>();
let waiting = 0;
let started = false;

/** Whether the same attempt may succeed later. */
export function isForLater(error: unknown): boolean {
  return WAITING.includes(ConnectError.from(error).code);
}

/** Keeps a report until it is sent. */
export async function enqueue(draft: Draft): Promise<void> {
  await update<Draft[]>(OUTBOX, (known = []) => [
    ...known.filter((d) => d.requestId !== draft.requestId),
    draft,
  ]);
  await count();
}

/** How many reports wait. */
export function useWaiting(): number {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => waiting,
  );
}

/** Sends what waits, now and whenever there is a reason to think that it works. `onSent` is told each number. */
export function startOutbox(
  onSent: (trackingNumber: string) => void,
  onRefused: (error: unknown) => void,
): void {
  if (started) return;
  started = true;
  // Where the browser keeps nothing, nothing waits.
  const go = () => void flush(onSent, onRefused).catch(() => {});
  addEventListener("online", go);
  setInterval(go, RETRY_MS);
  go();
}

/** Tries all that waits once. */
export async function flush(
  onSent: (trackingNumber: string) => void,
  onRefused: (error: unknown) => void,
): Promise<void> {
  await count();
  if (waiting === 0 || !navigator.onLine) return;
  const work = async () => {
    for (const draft of (await get<Draft[]>(OUTBOX)) ?? []) {
      try {
        const report = await send(draft, enqueue);
        await remove(draft);
        onSent(report.trackingNumber);
      } catch (error) {
        if (isForLater(error)) return;
        // Too many in a short time, say, or a session that is over: it waits on, and nobody behind it.
        if (!REFUSED.includes(ConnectError.from(error).code)) continue;
        // It would be refused again: the reader has to know, and can mend it.
        await giveBack(draft);
        await remove(draft);
        onRefused(error);
      }
    }
  };
  // One tab at a time; where there are no locks the request id keeps a report from being filed twice.
  await (navigator.locks ? navigator.locks.request("kvartal.outbox", work) : work());
}

async function remove(draft: Draft): Promise<void> {
  await update<Draft[]>(OUTBOX, (known = []) => known.filter((d) => d.requestId !== draft.requestId));
  await count();
}

async function count(): Promise<void> {
  const next = ((await get<Draft[]>(OUTBOX)) ?? []).length;
  if (next === waiting) return;
  waiting = next;
  for (const tell of listeners) tell();
}
