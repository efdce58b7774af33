// Short messages about what was done; errors stay until they are closed.
import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { useText } from "~/i18n/text";
import { Button } from "./controls";
import { Notice, ProblemNotice } from "./display";
import { kitText } from "./kit.text";

interface Toast {
  id: number;
  message?: string;
  error?: unknown;
}

const SHOWN_MS = 6000;
let toasts: readonly Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function set(change: readonly Toast[]): void {
  toasts = change;
  for (const tell of listeners) tell();
}

/** Says that something was done. */
export function toast(message: string): void {
  const id = next++;
  set([...toasts, { id, message }]);
  setTimeout(() => drop(id), SHOWN_MS);
}

/** Says what went wrong. Give it to `onError` of mutations whose page has no better place. */
export function toastError(error: unknown): void {
  set([...toasts, { id: next++, error }]);
}

function drop(id: number): void {
  set(toasts.filter((known) => known.id !== id));
}

export function Toaster() {
  const text = useText(kitText);
  const shown = useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => toasts,
  );
  return (
    <div className="toaster" aria-live="polite">
      {shown.map(({ id, message, error }) => (
        <div key={id} className="toast">
          {error === undefined ? (
            <Notice tone="good" title={message ?? ""} />
          ) : (
            <ProblemNotice error={error} />
          )}
          <Button look="quiet" iconOnly icon={<X aria-hidden="true" />} onClick={() => drop(id)}>
            {text.close}
          </Button>
        </div>
      ))}
    </div>
  );
}
