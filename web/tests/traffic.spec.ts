// How the city moves: for everybody, and for the desk that sends patrols.
import type { Page } from "@playwright/test";
import { GetTypicalProfileResponseSchema } from "../src/gen/kvartal/traffic/v1/congestion_pb";
import { answer } from "./answer";
import { Desk } from "./desk";
import { expect as quick, test } from "./story";

const expect = quick.configure({ timeout: 30_000 });
test.describe.configure({ timeout: 180_000 });

interface Jam {
  jam_id: string;
  start_time: string;
  end_time: string;
}
const lasted = (jam: Jam) => Date.parse(jam.end_time) - Date.parse(jam.start_time);

test("the score says what it means, and a jam how it grew", async ({ page, url, audit }) => {
  await page.goto("/");
  await expect(page.getByRole("img", { name: /^\d+(\.\d)? of 10$/ })).toBeVisible();
  await page.getByRole("button", { name: "How is it computed?" }).click();
  await expect(page.getByRole("dialog").getByRole("listitem").first()).toBeVisible();
  await audit("how the score is computed");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  // The one that lasted longest of those that are over: a jam that has just begun has nothing to draw yet.
  const { jams } = await (await fetch(`${url}/v1/jams?page_size=100`)).json();
  const over = jams.filter((jam: Jam) => jam.end_time);
  const [jam] = over.sort((a: Jam, b: Jam) => lasted(b) - lasted(a));
  await page.goto(`/jams/${jam.jam_id}`);
  await expect(page.getByText("On a free road")).toBeVisible();
  await expect(page.getByRole("img", { name: /^How it grew/ })).toBeVisible();
  await audit("a jam");
});

test("the map shows a road's usual day, cameras, and traffic to come", async ({ page, url, audit }) => {
  const { states } = await (await fetch(`${url}/v1/segmentStates?page_size=1`)).json();
  // What is usual on this day of the week a young city may not know yet.
  const usual = page.waitForResponse(/GetTypicalProfile$/);
  await page.goto(`/map?selected=${states[0].segment_id}`);
  const list = page.locator("#list");
  await expect(list.getByText("Free speed")).toBeVisible();
  expect((await usual).status()).toBe(200);
  await audit("a road on the map");
  await list.getByRole("button", { name: "Close" }).click();
  for (const layer of ["Jams", "Incidents", "Reports"]) await page.getByLabel(layer).uncheck();
  await list
    .getByRole("button", { name: /^Show on the map: / })
    .first()
    .click();
  await expect(list.getByRole("img", { name: /^What .* shows$/ })).toBeVisible();
  const told = page.waitForResponse(/ListSegmentForecasts$/);
  await page.getByRole("radio", { name: "in 30 min" }).check();
  expect((await told).status()).toBe(200);
  await expect(page).toHaveURL(/ahead=.*30/);
});

test("a road's usual day is drawn, with its rush where it is", async ({ page, url, audit }) => {
  const { states } = await (await fetch(`${url}/v1/segmentStates?page_size=1`)).json();
  // What is usual on this day of the week a young city may not know yet; here is one that does.
  const rush = 96;
  const slots = Array.from({ length: 288 }, (_, slot) => {
    const medianSpeedKmh = slot === rush ? 18 : 54;
    return {
      minuteOfDay: slot * 5,
      medianSpeedKmh,
      lowSpeedKmh: medianSpeedKmh - 4,
      highSpeedKmh: medianSpeedKmh + 4,
    };
  });
  const usual = answer(GetTypicalProfileResponseSchema, { slots, dayCount: 6 });
  await page.route(/GetTypicalProfile$/, (route) => route.fulfill(usual));
  await page.goto(`/map?selected=${states[0].segment_id}`);
  const words = "A usual day like today, km/h by hour: 18–54";
  const picture = page.locator("#list").getByRole("img", { name: words });
  await expect(picture).toBeVisible();
  await expect(page.locator("#list").getByText(words)).toBeVisible();
  const points = ((await picture.locator("polyline").getAttribute("points")) ?? "").split(" ");
  expect(points).toHaveLength(slots.length);
  const heights = points.map((point) => Number(point.split(",")[1]));
  // Downwards in SVG: the slowest stands lowest.
  expect(heights.indexOf(Math.max(...heights))).toBe(rush);
  await audit("a usual day");
});

test("the desk sees the roads as they are and as they were", async ({ page, as, audit }) => {
  await as("dispatcher5");
  await page.goto("/dispatch/traffic");
  await expect(page.getByText("Score of the city, 0 to 10")).toBeVisible();
  await expect(page.getByRole("table", { name: "Jams" })).toBeVisible();
  const hourAgo = new Date(Date.now() - 3_600_000 + 3 * 3_600_000).toISOString().slice(0, 16);
  await page.getByLabel("Time", { exact: true }).fill(hourAgo);
  await expect(page.getByText(/^As it was on/)).toBeVisible();
  await expect(page).toHaveURL(/at=/);
  await audit("the roads an hour ago");
  await page.getByRole("button", { name: "Now" }).click();
  await expect(page.getByText(/^As it was on/)).toHaveCount(0);
});

test("a detector shows what it measured, its health and its forecasts", async ({ page, as, audit }) => {
  await as("dispatcher5");
  await page.goto("/dispatch/detectors");
  await expect(page.getByRole("table", { name: "The rules" }).getByRole("row").nth(1)).toBeVisible();
  await page.getByRole("table", { name: "Detectors" }).getByRole("link").first().click();
  await expect(page.locator(".chart canvas").first()).toBeVisible();
  await page.getByRole("radio", { name: "Last 12 h" }).check();
  await expect(page).toHaveURL(/hours=.*12/);
  await expect(page.getByRole("heading", { name: "Forecast against reality" })).toBeVisible();
  await audit("a detector");
  await page.goto("/dispatch/forecast");
  await expect(page.getByRole("heading", { name: "Forecasts" })).toBeVisible();
  await page.goto("/dispatch/cameras");
  await expect(page.getByRole("img", { name: /^What .* shows$/ }).first()).toBeVisible();
});

test("the nearest patrol is sent to an incident, followed on its way and called back", async ({
  page,
  as,
  url,
  audit,
}) => {
  const incident = await (await Desk.of(url, "dispatcher6")).incident(`For a patrol ${Date.now()}`);
  await as("dispatcher6");
  await page.goto("/dispatch/patrols");
  // The crews of the demo city are at work too: one of them is made free.
  const free = (await page.getByRole("row").nth(1).locator("strong").textContent()) ?? "";
  const release = (sign: string) => patrol(page, sign).getByRole("button", { name: "Release" });
  if (await release(free).isVisible()) await release(free).click();
  await patrol(page, free).getByLabel(`Status of ${free}`).selectOption("available");
  await expect(page.getByText("Status changed")).toBeVisible();
  await page.goto(`/dispatch/incidents/${incident}`);
  let sign = "";
  await expect(async () => {
    const nearest = page.getByRole("listitem").filter({ has: page.getByRole("button", { name: "Send" }) });
    sign = (await nearest.first().locator("strong").textContent({ timeout: 5_000 })) ?? "";
    await nearest.filter({ hasText: sign }).getByRole("button").click({ timeout: 5_000 });
    await expect(page.getByText("On the way")).toBeVisible({ timeout: 5_000 });
  }).toPass({ timeout: 90_000 });
  await page.goto("/dispatch/patrols");
  const row = patrol(page, sign);
  await expect(row.getByRole("link", { name: incident.slice(0, 8) })).toBeVisible();
  const track = page.waitForResponse(/ListPatrolTrack$/);
  await row.getByRole("button", { name: "Way of the last hour" }).click();
  expect((await track).status()).toBe(200);
  await audit("the patrols");
  await release(sign).click();
  await expect(page.getByText("Released")).toBeVisible();
});

function patrol(page: Page, sign: string) {
  return page.getByRole("row").filter({ hasText: sign });
}
