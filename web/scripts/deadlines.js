// Writes `src/gen/deadlines.ts`: the calls to which the contract gives more time than to most, by path, in milliseconds. The
// generated messages are without the contract's options, which would double what a page loads.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const USUAL_MS = 10_000;
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

const buf = path("../node_modules/.bin/buf");
const options = { cwd: path("../.."), maxBuffer: 64 * 1024 * 1024 };
const { file } = JSON.parse(execFileSync(buf, ["build", "--output", "-#format=json"], options));
const methods = file.flatMap(({ package: name, service = [] }) =>
  service.flatMap(({ name: service, method = [] }) =>
    method
      .filter(({ serverStreaming }) => !serverStreaming)
      .map(({ name: method, options }) => [
        `/${name}.${service}/${method}`,
        1000 * Number.parseFloat(options?.["[kvartal.contract.v1.method]"]?.deadline ?? "0"),
      ]),
  ),
);
const long = methods.filter(([, deadline]) => deadline > USUAL_MS).sort();
if (long.length === 0)
  throw new Error("the contract gives no call more time: are its options still of that name?");
writeFileSync(
  path("../src/gen/deadlines.ts"),
  `/** Milliseconds of calls that may take longer than most, by path. */
export const DEADLINES_MS: Readonly<Record<string, number>> = ${JSON.stringify(Object.fromEntries(long))};
`,
);
