// How the app is built: hashed files, each with its gzip and Brotli form beside it, for the edge to send as they are.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { resolve as absolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, runnerImport } from "vite";

/** Where `npm run dev` finds the platform: a running `cargo xtask up --demo`. */
const platform = process.env.KVARTAL_URL ?? "http://localhost:8080";
/** What the platform answers itself; the rest is the app. */
const paths = ["/kvartal.", "/v1/", "/photos/", "/open311/", "/app.json", "/start", "/_dev/", "/favicon.ico"];

/** What every page needs, and the page where most begin. */
const CORE = [
  /src\/(platform|i18n|kit|theme|domain)\/(?!trafficTopic|notificationsTopic|camera)/,
  /src\/(root|\w+\/routes)\.tsx/,
  /src\/shell\/(shell\.|later)/,
  /src\/citizen\/(City|cards|citizen\.|data)/,
  /src\/gen\/.*\/common_pb/,
];
/** What that page shows of traffic, when the rest is there. */
const TRAFFIC = [
  /src\/gen\/kvartal\/traffic\/v1\/(live|camera|patrol|congestion|network)_pb/,
  /src\/citizen\/(traffic|Jams|Spark|ScoreCard)/,
  /src\/platform\/trafficTopic/,
];
const among = (files: readonly RegExp[]) => (id: string) => files.some((file) => file.test(id));

const resolve = { alias: { "~": fileURLToPath(new URL("src", import.meta.url)) } };

export default defineConfig({
  plugins: [react(), first(), compress()],
  resolve,
  build: {
    outDir: "dist/app",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Few files: over plain HTTP a browser asks for six at a time.
        codeSplitting: {
          groups: [
            {
              name: "vendor",
              test: /node_modules[\\/](?!maplibre-gl|@mapbox|@maplibre|idb-keyval|uplot|lucide-react)/,
              priority: 2,
            },
            { name: "core", test: among(CORE), priority: 1 },
            { name: "traffic", test: among(TRAFFIC) },
          ],
        },
      },
    },
    chunkSizeWarningLimit: 1200,
  },
  worker: { format: "es" },
  server: { proxy: Object.fromEntries(paths.map((path) => [path, { target: platform }])) },
});

/** Puts `src/first.js`, which is no module and so is not bundled, before everything else, with the words that it shows. */
async function first(): Promise<Plugin> {
  const words = fileURLToPath(new URL("src/first.words.ts", import.meta.url));
  const options = { configFile: false, resolve, logLevel: "error" } as const;
  const { module } = await runnerImport<typeof import("./src/first.words")>(words, options);
  const code = readFileSync(new URL("src/first.js", import.meta.url), "utf8");
  const source = code.replace(/(?<== )FIRST_WORDS/, () => JSON.stringify(module.firstWords));
  const hash = createHash("sha256").update(source).digest("hex").slice(0, 8);
  const fileName = `assets/first-${hash}.js`;
  return {
    name: "first",
    transform: (_, id) => (id.endsWith("/src/first.js") ? source : undefined),
    transformIndexHtml: (_, { server }) => [
      { tag: "script", attrs: { src: server ? "/src/first.js" : `/${fileName}` }, injectTo: "head-prepend" },
    ],
    generateBundle() {
      this.emitFile({ type: "asset", fileName, source });
    },
  };
}

function compress(): Plugin {
  let out = "";
  return {
    name: "compress",
    apply: "build",
    configResolved({ root, build }) {
      out = absolute(root, build.outDir);
    },
    async closeBundle() {
      const files = await readdir(out, { recursive: true });
      const texts = files.filter((name) => /\.(js|mjs|css|html|svg|webmanifest)$/.test(name));
      await Promise.all(
        texts.map(async (name) => {
          const content = await readFile(join(out, name));
          const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
          await writeFile(join(out, `${name}.br`), await promisify(brotliCompress)(content, quality));
          await writeFile(join(out, `${name}.gz`), await promisify(gzip)(content, { level: 9 }));
        }),
      );
    },
  };
}
