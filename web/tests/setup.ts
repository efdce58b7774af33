// Starts `kvartal up --demo` with the built app for the run, unless KVARTAL_URL names a platform that runs already.
// KVARTAL_BIN names the program; otherwise the debug build is taken. KVARTAL_TEST_GATEWAY=envoy puts Envoy before it: the
// one that KVARTAL_TEST_ENVOY names, or that of `cargo xtask tools`.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startPlatform } from "../scripts/platform.js";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
/** Where each worker notes which RPCs it saw. */
export const SEEN = path("../test-results/rpcs");

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  rmSync(SEEN, { recursive: true, force: true });
  mkdirSync(SEEN, { recursive: true });
  if (process.env.KVARTAL_URL) return undefined;
  const app = path("../dist/app");
  if (!existsSync(`${app}/index.html`)) throw new Error(`${app} is missing: run npm run build`);
  const envoy = process.env.KVARTAL_TEST_ENVOY ?? path("../../target/tools/envoy/bin/envoy");
  const gateway =
    process.env.KVARTAL_TEST_GATEWAY === "envoy" ? ["--gateway", "envoy", "--envoy-path", envoy] : [];
  const program = process.env.KVARTAL_BIN ?? path("../../target/debug/kvartal");
  const { url, stop } = await startPlatform(program, ["--web-dir", app, ...gateway]);
  process.env.KVARTAL_URL = url;
  return stop;
}
