// Parts of the frame in files of their own.
import { idle } from "~/platform/idle";

/** For whoever is signed in. */
export const loadSignedIn = () => import("./SignedIn");

/** What nobody waits for; it brings the whole of filing a report with it. Who signs in later finds that part here. */
export const loadExtras = () =>
  Promise.all([import("./OutboxNotice"), import("./AreaAlerts"), loadSignedIn()]);

export const loadExtrasWhenIdle = () => idle().then(loadExtras);
