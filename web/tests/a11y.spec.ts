// Every page of everybody in both languages, light and dark, on a telephone and on a screen: no violation that axe finds.
import { audit, expect, LOOKS, look, signIn, test } from "./story";

const PUBLIC = [
  "/",
  "/map",
  "/reports",
  "/report",
  "/sign-in",
  "/register",
  "/reset-password",
  "/confirm",
  "/nowhere",
];
const SIGNED_IN = ["/inbox", "/account", "/account/sessions", "/account/notifications", "/reports?mine=true"];

for (const each of LOOKS) {
  const name = `${each.locale}, ${each.theme}, ${each.width} px`;

  test(`public pages: ${name}`, async ({ page, url }) => {
    test.setTimeout(240_000);
    await look(page, each);
    for (const path of [...PUBLIC, ...(await examples(url))]) await inspect(page, path);
  });

  test(`pages of the account: ${name}`, async ({ page, context, url }) => {
    test.setTimeout(240_000);
    await look(page, each);
    await signIn(context, url, "citizen");
    for (const path of SIGNED_IN) await inspect(page, path);
  });
}

async function inspect(page: import("@playwright/test").Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.locator("h1")).toBeVisible();
  await expect(page.locator(".skeleton")).toHaveCount(0);
  await audit(page, path);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide, `${path} is wider than the screen`).toBeLessThanOrEqual(0);
}

/** A report and an incident that are there. */
async function examples(url: string): Promise<string[]> {
  const { reports } = await (await fetch(`${url}/v1/reports?page_size=1`)).json();
  const { incidents } = await (await fetch(`${url}/v1/incidents?page_size=1`)).json();
  return [`/reports/${reports[0].report_id}`, `/incidents/${incidents[0].incident_id}`];
}
