// Parts of the frame in files of their own: not needed for the first sight of a page, or not by everybody.
import { useEffect, useState } from "react";
import { idle } from "~/platform/idle";

/** For whoever is signed in. */
export const loadSignedIn = () => import("./SignedIn");

/** What nobody waits for; it brings the whole of filing a report with it. Who signs in later finds that part here. */
export const loadExtras = () =>
  Promise.all([import("./OutboxNotice"), import("./AreaAlerts"), loadSignedIn()]);

export const loadExtrasWhenIdle = () => idle().then(loadExtras);

/** The part when it is there; without a network it comes when there is one. */
export function useLater<T>(load: () => Promise<T>, wanted = true): T | undefined {
  const [part, setPart] = useState<T>();
  useEffect(() => {
    if (!wanted) return;
    const fetch = () => {
      load().then(setPart, () => addEventListener("online", fetch, { once: true }));
    };
    fetch();
    return () => removeEventListener("online", fetch);
  }, [load, wanted]);
  return part;
}
