// The map is drawn, and what it does can be done without it.
import type { Page } from "@playwright/test";
import { expect, test } from "./story";

/** How many different colours the middle of the canvas shows. A map that is not drawn shows one. */
async function colours(page: Page): Promise<number> {
  const shot = await page.locator(".map canvas").screenshot({ type: "png" });
  return page.evaluate(
    async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)], { type: "image/png" }));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext("2d");
      context?.drawImage(bitmap, 0, 0);
      const { data } = context?.getImageData(0, 0, bitmap.width, bitmap.height) ?? { data: [] };
      const found = new Set<number>();
      for (let at = 0; at + 2 < data.length; at += 4) {
        found.add(((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0));
      }
      return found.size;
    },
    [...shot],
  );
}

test("the canvas is not blank", async ({ page }) => {
  await page.goto("/map");
  await expect(page.locator(".map[data-ready]")).toBeVisible({ timeout: 30_000 });
  await expect.poll(() => colours(page), { timeout: 30_000 }).toBeGreaterThan(100);
});

test("the address carries what is in sight, and brings it back", async ({ page }) => {
  await page.goto("/map?lat=62.85&lng=54.3&zoom=14.5");
  await expect(page.locator(".map[data-ready]")).toBeVisible({ timeout: 30_000 });
  await page.locator(".map canvas").focus();
  await page.keyboard.press("+");
  await expect(page).toHaveURL(/zoom=15\.5/);
  const there = page.url();
  await page.goto("/");
  await page.goto(there);
  await expect(page.locator(".map[data-ready]")).toBeVisible({ timeout: 30_000 });
  expect(page.url()).toBe(there);
});

test("the list finds on the map what it names", async ({ page }) => {
  await page.goto("/map");
  const list = page.locator("#list");
  await expect(list.getByRole("listitem").first()).toBeVisible();
  await list
    .getByRole("button", { name: /^Show on the map/ })
    .first()
    .click();
  await expect(page).toHaveURL(/selected=/);
  await expect(list.getByRole("listitem").first()).toHaveClass(/chosen/);
});

test("a map beside a form is a plan until somebody reaches for it", async ({ page }) => {
  await page.goto("/report");
  const plan = page.locator(".schematic");
  await expect(plan).toBeVisible();
  await plan.hover();
  await expect(page.locator(".map[data-ready]")).toBeVisible({ timeout: 30_000 });
  await page.locator(".map canvas").click();
  await expect(page.getByText(/^Chosen: \d/)).toBeVisible();
});

test.describe("without WebGL", () => {
  test.beforeEach(async ({ page }) => {
    await page.addInitScript(() => {
      const original = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (
        this: HTMLCanvasElement,
        kind: string,
        ...rest: never[]
      ) {
        return kind.startsWith("webgl")
          ? null
          : (original as (...a: unknown[]) => unknown).call(this, kind, ...rest);
      } as typeof original;
    });
  });

  test("a plan shows the same and moves by keyboard", async ({ page, audit }) => {
    await page.goto("/map");
    const plan = page.getByRole("application", { name: "Map of the city" });
    await expect(plan).toBeVisible();
    await expect(page.getByText("this is the simple one")).toBeVisible();
    await expect(plan.locator(".plan-pin").first()).toBeVisible();
    await plan.focus();
    await page.keyboard.press("+");
    await expect(page).toHaveURL(/zoom=/);
    const before = page.url();
    await page.keyboard.press("ArrowRight");
    await expect(page).not.toHaveURL(before);
    await audit("the plan");
  });

  test("a place is picked on the plan", async ({ page }) => {
    await page.goto("/report");
    await page.locator(".schematic svg").first().click();
    await expect(page.getByText(/^Chosen: \d/)).toBeVisible();
  });
});
