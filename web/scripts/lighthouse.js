// Lighthouse on the main pages: `cargo xtask bench web [RUNS]`. Starts the program that KVARTAL_BIN names, with the app
// within it, tells when it gave its first page, and prints the medians of five runs as a table. Fails when a page is below
// 95 on a desktop; the map, drawn without a graphics card here, and telephones are only told.
// Lighthouse is not among the tools of the project, because it brings more packages than all of them: npx fetches it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPlatform } from "./platform.js";

/** The last version for Node.js 20. */
const LIGHTHOUSE = "lighthouse@12.8.2";
const GOAL = 95;
const FIRST_PAGE_MS = 3000;
const CATEGORIES = ["performance", "accessibility", "best-practices"];
const FORMS = { desktop: ["--preset=desktop"], telephone: [] };
const runs = Number(process.argv[2] ?? 5);
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const folder = mkdtempSync(join(tmpdir(), "lighthouse-"));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The scores of one run, in the order of CATEGORIES, and milliseconds to the largest contentful paint. */
function measure(url, form) {
  const report = join(folder, "report.json");
  const options = [
    url,
    "--quiet",
    "--output=json",
    `--output-path=${report}`,
    `--only-categories=${CATEGORIES.join(",")}`,
    "--chrome-flags=--headless=new --no-sandbox --use-angle=swiftshader --enable-unsafe-swiftshader",
    ...FORMS[form],
  ];
  const env = { ...process.env, CHROME_PATH: chromium };
  execFileSync("npx", ["--yes", LIGHTHOUSE, ...options], { env, stdio: ["ignore", "ignore", "inherit"] });
  const { categories, audits } = JSON.parse(readFileSync(report, "utf8"));
  const scores = CATEGORIES.map((name) => Math.round((categories[name].score ?? 0) * 100));
  return [...scores, Math.round(audits["largest-contentful-paint"].numericValue ?? 0)];
}

const program =
  process.env.KVARTAL_BIN ?? fileURLToPath(new URL("../../target/release/kvartal", import.meta.url));
const { url, firstPageMs, stop } = await startPlatform(program);
const missed = [];
try {
  console.log(`first page ${firstPageMs} ms after the start of the program; at most ${FIRST_PAGE_MS}\n`);
  if (firstPageMs > FIRST_PAGE_MS) missed.push("the first page");
  const { reports } = await (await fetch(`${url}/v1/reports?page_size=1`)).json();
  const pages = ["/", "/reports", `/reports/${reports[0].tracking_number}`, "/report", "/sign-in", "/map"];
  console.log(
    "| page | form | performance | accessibility | best practices | LCP, ms |\n|---|---|---|---|---|---|",
  );
  for (const form of Object.keys(FORMS)) {
    for (const page of pages) {
      const all = Array.from({ length: runs }, () => measure(url + page, form));
      const medians = all[0].map((_, column) => median(all.map((run) => run[column])));
      const name = page.replace(/KV-.*/, "…");
      console.log(`| ${name} | ${form} | ${medians.join(" | ")} |`);
      const judged = form === "desktop" && page !== "/map";
      if (judged && medians.slice(0, CATEGORIES.length).some((score) => score < GOAL)) missed.push(name);
    }
  }
} finally {
  await stop();
}
if (missed.length > 0) {
  console.error(`not as good as they should be: ${missed.join(", ")}`);
  process.exit(1);
}
