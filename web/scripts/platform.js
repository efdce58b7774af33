// Starts `kvartal up --demo` for stories and measurements, on a port of its own.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

/** From here on it is too slow to be of use. */
const LATE_MS = 240_000;

/**
 * Starts the program and waits until the demo city is full, and so are its streets.
 * @param {string} program
 * @param {string[]} options of `kvartal up`, besides the demo
 * @returns {Promise<{url: string, firstPageMs: number, stop: () => Promise<void>}>} where it is, and how long after its
 *   start it gave the first page
 */
export async function startPlatform(program, options = []) {
  if (!existsSync(program))
    throw new Error(`${program} is missing: run cargo build -p kvartal, or set KVARTAL_BIN`);
  const begun = performance.now();
  const child = spawn(program, ["up", "--demo", "--port", "0", ...options], {
    // Everything comes from one address here: limits for one person would stop the run.
    env: { ...process.env, KVARTAL_RATE_FACTOR: "100" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let firstPage = Promise.resolve(0);
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the platform is not ready:\n${output}`)), LATE_MS);
    let known = "";
    const read = (data) => {
      output += data;
      if (!known) {
        known = /App\s+(http\S+)/.exec(output)?.[1] ?? "";
        if (known)
          firstPage = fetch(known, { headers: { accept: "text/html" } }).then(
            () => performance.now() - begun,
          );
      }
      // Its last words at the beginning.
      if (!known || !/\d+ reports, \d+ incidents/.test(output) || !/traffic: \d+ roads/.test(output)) return;
      clearTimeout(late);
      resolve(known);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`the platform ended with ${code}:\n${output}`)));
  });
  const stop = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    await ended;
  };
  return { url, firstPageMs: Math.round(await firstPage), stop };
}
