// How the app is built: hashed files, each with its gzip and Brotli form beside it, for the edge to send as they are.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Where `npm run dev` finds the platform: a running `cargo xtask up --demo`. */
const platform = process.env.KVARTAL_URL ?? "http://localhost:8080";
/** What the platform answers itself; the rest is the app. */
const paths = ["/kvartal.", "/v1/", "/photos/", "/open311/", "/app.json", "/start", "/_dev/", "/favicon.ico"];

export default defineConfig({
  plugins: [react(), compress()],
  resolve: { alias: { "~": fileURLToPath(new URL("src", import.meta.url)) } },
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
              test: /node_modules[\\/](?!maplibre-gl|@mapbox|@maplibre|idb-keyval|uplot)/,
              priority: 2,
            },
            { name: "core", test: /src[\\/](platform|i18n|kit|theme|domain)[\\/](?!traffic)/, priority: 1 },
          ],
        },
      },
    },
    chunkSizeWarningLimit: 1200,
  },
  worker: { format: "es" },
  server: { proxy: Object.fromEntries(paths.map((path) => [path, { target: platform }])) },
});

function compress(): Plugin {
  let out = "";
  return {
    name: "compress",
    apply: "build",
    configResolved({ root, build }) {
      out = resolve(root, build.outDir);
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
