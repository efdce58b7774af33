// Starts `kvartal up --demo` with the built app for the run, unless KVARTAL_URL names a platform that runs already.
// KVARTAL_BIN names the program; otherwise the debug build is taken.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
/** Where each worker notes which RPCs it saw. */
export const SEEN = path("../test-results/rpcs");

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  rmSync(SEEN, { recursive: true, force: true });
  mkdirSync(SEEN, { recursive: true });
  if (process.env.KVARTAL_URL) return undefined;
  const program = process.env.KVARTAL_BIN ?? path("../../target/debug/kvartal");
  const app = path("../dist/app");
  if (!existsSync(program))
    throw new Error(`${program} is missing: run cargo build -p kvartal, or set KVARTAL_BIN`);
  if (!existsSync(`${app}/index.html`)) throw new Error(`${app} is missing: run npm run build`);
  const gateway = process.env.KVARTAL_TEST_GATEWAY ? ["--gateway", process.env.KVARTAL_TEST_GATEWAY] : [];
  const child = spawn(program, ["up", "--demo", "--port", "0", "--web-dir", app, ...gateway], {
    // Everything comes from one address here: limits for one person would stop the run.
    env: { ...process.env, KVARTAL_RATE_FACTOR: "100" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the platform is not ready:\n${output}`)), 240_000);
    const read = (data: Buffer) => {
      output += data;
      const url = /App\s+(http\S+)/.exec(output)?.[1];
      // Its last words at the beginning: the city is full, and so are its streets.
      if (!url || !/\d+ reports, \d+ incidents/.test(output) || !/traffic: \d+ roads/.test(output)) return;
      process.env.KVARTAL_URL = url;
      clearTimeout(late);
      resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`the platform ended with ${code}:\n${output}`)));
  });
  return async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    await ended;
  };
}
