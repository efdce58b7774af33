// For what nobody waits for.

/** When the browser has nothing better to do; after so long in any case. */
export function idle(atMost = 2000): Promise<void> {
  return new Promise((resolve) => {
    // Not every browser tells.
    if ("requestIdleCallback" in globalThis) requestIdleCallback(() => resolve(), { timeout: atMost });
    else setTimeout(resolve, 200);
  });
}
