// Stories in Debian's Chromium against the real platform. `cargo xtask test` starts them; see tests/setup.ts for how to
// run them against a platform that runs already.
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** Where distributions put it; Playwright's own browsers are not downloaded. */
const CHROMIUM = [
  process.env.KVARTAL_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

export default defineConfig({
  testDir: "tests",
  globalSetup: "./tests/setup.ts",
  outputDir: "test-results/output",
  workers: 2,
  // What passes at the second try is named as flaky.
  retries: process.env.CI ? 1 : 0,
  timeout: 90_000,
  // A busy machine is no reason to fail.
  expect: { timeout: 20_000 },
  reporter: process.env.CI ? [["list"]] : [["line"]],
  forbidOnly: true,
  use: {
    // What cannot be pressed is told before the whole story's time is up.
    actionTimeout: 30_000,
    locale: "en-GB",
    timezoneId: "Europe/Moscow",
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: CHROMIUM.find((path) => path && existsSync(path)),
      args: [
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Maps are drawn without a graphics card.
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
      ],
    },
  },
  projects: [
    { name: "stories", testIgnore: /coverage/ },
    // After all others: what they called is compared with the contract.
    { name: "coverage", testMatch: /coverage/, dependencies: ["stories"] },
  ],
});
