// Main tasks without a mouse.
import type { Page } from "@playwright/test";
import { expect, test } from "./story";

/** Presses Tab until something of this name has the focus, as somebody without a mouse would. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 120; presses++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement | null;
      const label = element?.labels?.[0]?.textContent;
      return (element?.getAttribute("aria-label") || label || element?.textContent || "").trim();
    });
    if (name.test(focused)) return;
  }
  throw new Error(`Tab never came to ${name}`);
}

test("the first stop leads over the navigation to the content", async ({ page }) => {
  await page.goto("/");
  await expect(page.locator("h1")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
});

test("signing in and out", async ({ page }) => {
  await page.goto("/");
  await tabTo(page, /^Sign in$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeFocused();
  await tabTo(page, /^E-mail/);
  await page.keyboard.type("citizen5@demo.kvartal.example");
  await page.keyboard.press("Tab");
  await page.keyboard.type("kvartal-demo-2026");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/$/);
  await tabTo(page, /^Дарья Полевая$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Sign out$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
});

test("reporting", async ({ page }) => {
  await page.goto("/");
  await tabTo(page, /^Report$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Report a problem" })).toBeVisible();
  await tabTo(page, /^Pin in the middle/);
  await page.keyboard.press("Enter");
  await expect(page.getByText(/^Chosen: \d/)).toBeVisible();
  await tabTo(page, /^Stray animals$/);
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: "Garbage" })).toBeChecked();
  await tabTo(page, /^Send the report$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Thank you!" })).toBeVisible();
});

test("finding a report and reading its history", async ({ page, url }) => {
  const { reports } = await (await fetch(`${url}/v1/reports?page_size=1`)).json();
  await page.goto("/reports");
  await tabTo(page, /^Number of a report/);
  await page.keyboard.type(reports[0].tracking_number);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "What happened" })).toBeVisible();
});

test("changing language and appearance", async ({ page }) => {
  await page.goto("/");
  await tabTo(page, /^Language: Русский$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Город сейчас" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "ru");
  await tabTo(page, /^Оформление/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("ending a session on another device", async ({ page, elsewhere, as }) => {
  // Two devices of one person.
  await as("citizen6");
  const other = await elsewhere("citizen6");
  await other.goto("/account");
  await expect(other.getByRole("heading", { name: "Profile" })).toBeVisible();
  await page.goto("/account/sessions");
  await tabTo(page, /^End the session/);
  await page.keyboard.press("Enter");
  await expect(page.getByText("The session has ended")).toBeVisible();
});

test("moving the map and choosing in its list", async ({ page }) => {
  await page.goto("/map?lat=62.85&lng=54.3&zoom=14");
  await expect(page.locator(".map[data-ready]")).toBeVisible({ timeout: 30_000 });
  await page.locator(".map canvas").focus();
  await page.keyboard.press("ArrowRight");
  await expect(page).not.toHaveURL(/lng=54\.3(&|$)/);
  await tabTo(page, /^Show on the map/);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/selected=/);
});
