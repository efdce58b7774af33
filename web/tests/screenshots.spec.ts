// Pictures of the main pages in both languages. `npm run screenshots` makes those of the documentation.
import { fileURLToPath } from "node:url";
import { expect, look, test } from "./story";

const folder =
  process.env.KVARTAL_SCREENSHOTS ?? fileURLToPath(new URL("../test-results/screenshots", import.meta.url));
const PAGES = [
  ["city", "/", 1440, "light", undefined],
  ["map", "/map", 1440, "light", undefined],
  ["report", "/report", 390, "light", undefined],
  ["tracking", "", 1440, "light", undefined],
  ["board", "/dispatch", 1440, "dark", "dispatcher"],
  ["traffic", "/dispatch/traffic", 1440, "dark", "dispatcher"],
  ["patrols", "/dispatch/patrols", 1440, "light", "dispatcher"],
  ["services", "/admin/services", 1440, "light", "admin"],
] as const;

for (const locale of ["ru", "en"] as const) {
  for (const [name, path, width, theme, who] of PAGES) {
    test(`${name} in ${locale}`, async ({ page, as, url }) => {
      test.setTimeout(120_000);
      if (who) await as(who);
      await look(page, { locale, theme, width });
      await page.goto(path || (await tracked(url)));
      await expect(page.locator("h1")).toBeAttached();
      await expect(page.locator(".skeleton")).toHaveCount(0);
      if (await page.locator(".map:not(.schematic)").count()) {
        await expect(page.locator(".map[data-idle]").first()).toBeVisible({ timeout: 60_000 });
      }
      await page.screenshot({ path: `${folder}/${name}.${locale}.png` });
    });
  }
}

/** A report with a photo that the city has answered. */
async function tracked(url: string): Promise<string> {
  const { reports } = await (
    await fetch(`${url}/v1/reports?page_size=200&filter.statuses=REPORT_STATUS_FIXED`)
  ).json();
  const shown = reports.find((report: { photo_ids: string[] }) => report.photo_ids.length > 0) ?? reports[0];
  return `/reports/${shown.report_id}`;
}
