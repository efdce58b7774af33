// Lighthouse on the main pages of a running platform: `KVARTAL_URL=http://localhost:8080 npm run lighthouse [RUNS]`. Prints
// the median of five runs and fails when a page is below 95; the map, drawn without a graphics card here, is only told.
// Lighthouse is not among the tools of the project, because it brings more packages than all of them: npx fetches it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The last version for Node.js 20. */
const LIGHTHOUSE = "lighthouse@12.8.2";
const GOAL = 95;
const PAGES = [
  ["/", true],
  ["/reports", true],
  ["/report", true],
  ["/sign-in", true],
  ["/map", false],
];
const CATEGORIES = ["performance", "accessibility", "best-practices"];
const url = process.env.KVARTAL_URL ?? "http://localhost:8080";
const runs = Number(process.argv[2] ?? 5);
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const folder = mkdtempSync(join(tmpdir(), "lighthouse-"));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

let below = 0;
for (const [path, judged] of PAGES) {
  const scores = Object.fromEntries(CATEGORIES.map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    const report = join(folder, "report.json");
    execFileSync(
      "npx",
      [
        "--yes",
        LIGHTHOUSE,
        url + path,
        "--quiet",
        "--output=json",
        `--output-path=${report}`,
        `--only-categories=${CATEGORIES.join(",")}`,
        "--chrome-flags=--headless=new --no-sandbox --use-angle=swiftshader --enable-unsafe-swiftshader",
      ],
      { env: { ...process.env, CHROME_PATH: chromium }, stdio: ["ignore", "ignore", "inherit"] },
    );
    const { categories } = JSON.parse(readFileSync(report, "utf8"));
    for (const name of CATEGORIES) scores[name].push(Math.round((categories[name].score ?? 0) * 100));
  }
  const medians = CATEGORIES.map((name) => median(scores[name]));
  const good = medians.every((score) => score >= GOAL);
  if (judged && !good) below += 1;
  console.log(
    `${path}: ${CATEGORIES.map((name, at) => `${name} ${medians[at]}`).join(", ")}${judged || good ? "" : " (told only)"}`,
  );
}
if (below > 0) {
  console.error(`${below} pages are below ${GOAL}`);
  process.exit(1);
}
