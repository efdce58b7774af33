// What is on the screen stays true: over cuts, in several tabs, on plain HTTP with its six connections.
import type { Page } from "@playwright/test";
import { Desk } from "./desk";
import { expect, test } from "./story";
import { Wire } from "./wire";

/** Notes the titles of incidents that the tab's stream delivers from now on. */
async function listen(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const heard: string[] = [];
    const channel = new BroadcastChannel("kvartal.stream:incidents");
    channel.onmessage = ({ data }) => {
      if (data.kind === "message" && data.message.incident) heard.push(data.message.incident.title);
    };
    Object.assign(globalThis, { heard });
  });
  return () => page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard);
}

test("a cut of the wire loses nothing and repeats nothing", async ({ page, url }) => {
  const wire = await Wire.to(url);
  const desk = await Desk.of(url, "dispatcher");
  await page.goto(wire.url);
  const state = page.getByRole("banner").getByRole("status");
  await expect(state).toHaveText("Live");
  const heard = await listen(page);
  const titles = Array.from({ length: 8 }, (_, index) => `Cut ${index} of ${Date.now()}`);
  for (const [index, title] of titles.entries()) {
    if (index === 2) {
      wire.cut();
      await expect(state).toContainText("Reconnecting");
    }
    await desk.incident(title);
    if (index === 5) wire.mend();
  }
  const ours = async () => (await heard()).filter((title) => titles.includes(title));
  await expect.poll(ours, { timeout: 30_000 }).toEqual(titles);
  await expect(state).toHaveText("Live");
  wire.close();
});

test("a long cut is told with the time since when", async ({ page, url }) => {
  const wire = await Wire.to(url);
  await page.goto(wire.url);
  const state = page.getByRole("banner").getByRole("status");
  await expect(state).toHaveText("Live");
  wire.cut();
  await expect(state).toContainText(/No connection since \d\d:\d\d/, { timeout: 20_000 });
  wire.mend();
  await expect(state).toHaveText("Live", { timeout: 30_000 });
  wire.close();
});

test("eight tabs share one stream of each kind and all stay live", async ({ context, url, as }) => {
  test.setTimeout(180_000);
  const wire = await Wire.to(url);
  const desk = await Desk.of(url, "dispatcher2");
  await as("citizen3");
  const incidentId = await desk.incident("Before");
  const tabs = [];
  for (let index = 0; index < 8; index++) {
    const tab = await context.newPage();
    await tab.goto(`${wire.url}/incidents/${incidentId}`);
    tabs.push(tab);
  }
  for (const tab of tabs) {
    await expect(tab.getByRole("banner").getByRole("status")).toHaveText("Live", { timeout: 30_000 });
  }
  expect(wire.streams("WatchIncidents")).toBe(1);
  expect(wire.streams("WatchNotifications")).toBe(1);
  await desk.rename(incidentId, "Seen by eight");
  for (const tab of tabs) await expect(tab.getByRole("heading", { name: "Seen by eight" })).toBeVisible();
  // The tab that holds the streams goes; another takes them over.
  await tabs[0]?.close();
  await expect.poll(() => wire.streams("WatchIncidents")).toBe(1);
  await desk.rename(incidentId, "Seen by seven");
  for (const tab of tabs.slice(1)) {
    await expect(tab.getByRole("heading", { name: "Seen by seven" })).toBeVisible();
  }
  wire.close();
});

test("the inbox tells at once what becomes of a report", async ({ page, url, as }) => {
  const desk = await Desk.of(url, "dispatcher3");
  await as("citizen4");
  await page.goto("/report");
  await page.getByRole("button", { name: "Pin in the middle of the map" }).click();
  await page.getByRole("radio", { name: "Playground" }).check();
  const created = page.waitForResponse(/CreateReport$/);
  await page.getByRole("button", { name: "Send the report" }).click();
  await created;
  await page.getByRole("link", { name: "Follow what becomes of it" }).click();
  const number = (await page.locator("code").first().textContent()) ?? "";
  const { report } = await (await fetch(`${url}/v1/reports/${number}`)).json();
  const bell = page.getByRole("link", { name: /^Notifications/ });
  const before = await bell.getAttribute("aria-label");
  await desk.answer(report.report_id, "REPORT_STATUS_FIXED", "The swing hangs again.");
  await expect(bell).not.toHaveAttribute("aria-label", before ?? "");
  await bell.click();
  await expect(page.getByText(number).first()).toBeVisible();
  await page.goto(`/reports/${number}`);
  await expect(page.getByText("The swing hangs again.").first()).toBeVisible();
  await page.getByRole("button", { name: "No, not fixed" }).click();
  await expect(page.getByText("Refuted by a citizen")).toBeVisible();
});
