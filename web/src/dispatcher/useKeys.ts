// Keyboard shortcuts of a page. They are silent while somebody types, and while a dialog is open.
import { useEffect, useRef } from "react";

interface Shortcut {
  /** As `KeyboardEvent.key` has it. */
  readonly keys: readonly string[];
  readonly run: () => void;
}

const OFF = "kvartal.keys.off";

/** Whether letters do something. Who speaks to the machine says many that are meant otherwise. */
export function lettersWork(): boolean {
  return localStorage.getItem(OFF) === null;
}

export function letLettersWork(on: boolean): void {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "");
}

export function useKeys(shortcuts: readonly Shortcut[]): void {
  const current = useRef(shortcuts);
  useEffect(() => {
    current.current = shortcuts;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target))
        return;
      if (document.querySelector("dialog[open]")) return;
      // Enter presses what has the focus.
      if (event.key === "Enter" && isPressable(event.target)) return;
      // Arrows move what has the focus.
      if (MOVES.includes(event.key) && isMovable(event.target)) return;
      if (event.key.length === 1 && !lettersWork()) return;
      // By the place on the keyboard as well: a Russian layout has other letters there.
      const latin = /^Key([A-Z])$/.exec(event.code)?.[1]?.toLowerCase();
      const found = current.current.find(
        ({ keys }) => keys.includes(event.key) || (latin && keys.includes(latin)),
      );
      if (!found) return;
      event.preventDefault();
      found.run();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

const MOVES = ["ArrowUp", "ArrowDown", "Home"];

/** Radio buttons, and boxes that scroll. */
function isMovable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('[type="radio"], [tabindex="0"]') !== null;
}

function isPressable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, summary, input") !== null;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (
    target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  )
    return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}
