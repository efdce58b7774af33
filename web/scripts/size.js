// Fails when the first page needs more JavaScript than it may: the entry, and what the page of
// the city loads besides, its traffic included.
import { readFileSync, statSync } from "node:fs";

const BUDGET_KB = 200;
const out = new URL("../dist/app/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("manifest.json", out), "utf8"));
const FIRST = ["index.html", "src/citizen/TrafficNow.tsx"];

const files = new Set();
const follow = (name) => {
  const chunk = manifest[name];
  if (!chunk || files.has(chunk.file)) return;
  files.add(chunk.file);
  chunk.imports?.forEach(follow);
};
FIRST.forEach(follow);
const kb = (ending) =>
  [...files]
    .filter((f) => f.endsWith(".js"))
    .reduce((sum, f) => sum + statSync(new URL(f + ending, out)).size, 0) / 1000;
const [gzip, brotli] = [kb(".gz"), kb(".br")];
console.log(
  `first page: ${files.size} scripts, ${gzip.toFixed(1)} kB gzip, ${brotli.toFixed(1)} kB Brotli; at most ${BUDGET_KB}`,
);
for (const name of FIRST) if (!manifest[name]) throw new Error(`${name} is not in the manifest`);
if (gzip > BUDGET_KB) process.exit(1);
