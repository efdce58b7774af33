// Parts of a page in files of their own: not needed for the first sight of it, or not by everybody.
import { startTransition, useEffect, useState } from "react";

/** The part when it is there; without a network it comes when there is one. */
export function useLater<T extends object>(load: () => Promise<T>, wanted = true): T | undefined {
  const [part, setPart] = useState<T>();
  useEffect(() => {
    if (!wanted) return;
    const show = (part: T) => startTransition(() => setPart(part));
    const fetch = () => {
      load().then(show, () => addEventListener("online", fetch, { once: true }));
    };
    fetch();
    return () => removeEventListener("online", fetch);
  }, [load, wanted]);
  return part;
}
