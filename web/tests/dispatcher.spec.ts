// What dispatchers do: log, move, assign, link, merge, answer, several at once; with the mouse and with keys alone.
import type { Page } from "@playwright/test";
import { Desk } from "./desk";
import { expect as quick, test } from "./story";

// What one dispatcher does shows to others through the whole platform; a busy machine takes its time.
const expect = quick.configure({ timeout: 30_000 });
test.describe.configure({ timeout: 240_000 });

/** A word that no other incident has. */
function unique(): string {
  return `story ${Math.random().toString(36).slice(2, 10)}`;
}

/** Logs an incident as quickly as the page lets; the number of actions. */
async function log(page: Page, title: string, kind = "Hazard"): Promise<number> {
  let actions = 0;
  const act = async (action: Promise<void>) => {
    actions += 1;
    await action;
  };
  await act(page.getByRole("button", { name: "Log an incident" }).click());
  const form = page.getByRole("dialog");
  await act(form.getByRole("radio", { name: kind }).check());
  await expect(form.locator('.map[data-ready="true"], .schematic')).toBeVisible();
  await act(form.locator(".map").click());
  await act(form.getByLabel("What people would say").fill(title));
  await act(form.getByRole("button", { name: "Log it" }).click());
  await expect(page.getByRole("heading", { name: `${kind}, ${title}` })).toBeVisible();
  return actions;
}

function row(page: Page, title: string) {
  return page.getByRole("listitem").filter({ hasText: title });
}

test.beforeEach(async ({ as, page }) => {
  await as("dispatcher");
  await page.goto("/dispatch");
});

test("an incident is logged in five actions and worked on to its end", { tag: "@role" }, async ({
  page,
  audit,
}) => {
  const title = unique();
  expect(await log(page, title)).toBeLessThanOrEqual(5);
  const panel = page.locator(".board-detail");
  await audit("the board with an incident");
  await panel.getByRole("button", { name: "Confirmed" }).click();
  await expect(panel.getByText("New → Confirmed")).toBeVisible();

  await panel.getByRole("button", { name: "Assign" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Person").selectOption({ index: 1 });
  await form.getByLabel("Team").fill("North crew");
  await form.getByRole("button", { name: "Assign" }).click();
  await expect(panel.getByText("Assigned", { exact: true }).first()).toBeVisible();
  await expect(row(page, title).getByText("Assigned")).toBeVisible();

  await panel.getByRole("button", { name: "One lane more" }).click();
  await panel.getByRole("button", { name: "Lane 1: Free" }).click();
  await panel.getByRole("button", { name: "Lane 1: Affected" }).click();
  await expect(panel.getByRole("button", { name: "Lane 1: Blocked" })).toBeVisible();

  await panel.getByRole("button", { name: "Remark" }).click();
  await form.getByLabel("Remark").fill("The tow truck is there.");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(panel.getByText("The tow truck is there.")).toBeVisible();

  await panel.getByRole("button", { name: "Change" }).click();
  await form.getByLabel("Priority").selectOption("Critical");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(panel.locator(".panel-head").getByText("Critical")).toBeVisible();

  await panel.getByRole("button", { name: "Resolved" }).click();
  await expect(panel.locator(".panel-head").getByText("Resolved")).toBeVisible();
  await expect(row(page, title)).toHaveCount(0);
});

test("what another dispatcher does shows by itself", async ({ page, elsewhere }) => {
  const title = unique();
  const second = await elsewhere("dispatcher2");
  await second.goto("/dispatch");
  await expect(row(page, "").first()).toBeVisible();
  await log(second, title, "Crash");
  await expect(row(page, title)).toBeVisible();
  await second.locator(".board-detail").getByRole("button", { name: "Rejected" }).click();
  await expect(row(page, title)).toHaveCount(0);
});

test("a report is answered from a prepared answer and becomes an incident", async ({ page, audit }) => {
  await page.getByRole("radio", { name: "Reports" }).click();
  await expect(page).toHaveURL(/list=reports/);
  await page.goto("/dispatch?list=reports&status=%5B1%5D");
  const first = page.locator(".board-list button").first();
  await first.click();
  const panel = page.locator(".board-detail");
  const number = await panel.getByRole("heading").first().textContent();
  await audit("the board with a report");
  await panel.getByRole("button", { name: "Answer" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Prepared answer").selectOption("Бригада выехала");
  await expect(form.getByLabel("For everyone to read")).toHaveValue(/Бригада выехала на место/);
  await audit("the answer to a report");
  await form.getByRole("button", { name: "Answer" }).click();
  await expect(panel.locator(".panel-head").getByText("In progress")).toBeVisible();
  await expect(panel.getByRole("heading").first()).toHaveText(number ?? "");

  await panel.getByRole("button", { name: "Link" }).click();
  await form.getByLabel("What happened").selectOption("Infrastructure");
  await form.getByRole("button", { name: "Link" }).click();
  await expect(panel.getByRole("button", { name: "Untie" })).toBeVisible();
  await panel.locator(".facts").getByRole("link").click();
  await expect(page.getByText("Reports about it")).toBeVisible();
  await expect(page.getByRole("link", { name: number ?? "" })).toBeVisible();
  await audit("the page of an incident");
  await page.getByRole("button", { name: `Untie ${number}` }).click();
  await expect(page.getByText("No report belongs to it")).toBeVisible();
});

test("an incident is merged into another and its reports go along", async ({ page }) => {
  const [kept, old] = [unique(), unique()];
  await log(page, kept);
  await log(page, old);
  const panel = page.locator(".board-detail");
  await panel.getByRole("button", { name: "Merge" }).click();
  const form = page.getByRole("dialog");
  const option = form.getByRole("option", { name: kept });
  await expect(option).toBeAttached();
  await form.getByLabel("Into").selectOption(await option.getAttribute("value"));
  await form.getByRole("button", { name: "Merge" }).click();
  await expect(panel.locator(".panel-head").getByText("Rejected")).toBeVisible();
  await expect(panel.getByText(`Merged into: Hazard, ${kept}`)).toBeVisible();
  await row(page, kept).getByRole("button").click();
  await expect(panel.getByText(`Merged from: Hazard, ${old}`)).toBeVisible();
});

test("several incidents are confirmed at once", async ({ page, audit }) => {
  const word = unique();
  await log(page, `${word} one`);
  await log(page, `${word} two`);
  await page.getByPlaceholder("Search the list").fill(word);
  await expect(page).toHaveURL(/q=/);
  await expect(page.locator(".board-list li")).toHaveCount(2);
  for (const box of await page.locator(".board-list").getByRole("checkbox").all()) await box.check();
  await audit("several rows chosen");
  await page.locator(".bulk").getByRole("button", { name: "Confirmed" }).click();
  await expect(page.getByText("2 changes made")).toBeVisible();
  await expect(page.locator(".board-list").getByText("Confirmed")).toHaveCount(2);
});

test("of several changes those that were refused are named, with the reason", async ({
  page,
  url,
  audit,
}) => {
  const desk = await Desk.of(url, "dispatcher2");
  const word = unique();
  const late = await desk.incident(`${word} late`);
  await desk.incident(`${word} in time`);
  // Nobody tells this page of changes any more: what it knows grows old.
  await page.route(/WatchIncidents$/, (route) => route.abort());
  await page.reload();
  await page.getByPlaceholder("Search the list").fill(word);
  await expect(page.locator(".board-list li")).toHaveCount(2);
  for (const box of await page.locator(".board-list").getByRole("checkbox").all()) await box.check();
  await desk.rename(late, `${word} renamed`);
  const bulk = page.locator(".bulk");
  await bulk.getByRole("button", { name: "Confirmed" }).click();
  await expect(page.getByText("1 change made")).toBeVisible();
  await expect(bulk.getByRole("alert")).toContainText("Not changed: 1 entry");
  await expect(bulk.getByRole("listitem")).toHaveText(
    `${word} late: Somebody else changed this in the meantime. Look at the new state, then try again.`,
  );
  // It alone stays chosen; the other one is done.
  await expect(bulk.getByText("1 row chosen")).toBeVisible();
  await expect(page.getByRole("checkbox", { name: `Choose: ${word} late` })).toBeChecked();
  await expect(page.getByRole("checkbox", { name: `Choose: ${word} in time` })).not.toBeChecked();
  await expect(row(page, `${word} in time`).getByText("Confirmed")).toBeVisible();
  await audit("a change that was refused");
});

test("the filters stand in the address", async ({ page }) => {
  await page.getByText("Filters", { exact: true }).click();
  await page.getByRole("group", { name: "Kind" }).getByLabel("Crash").check();
  await page.getByLabel("Priority at least").selectOption("High");
  await expect(page).toHaveURL(/kind=/);
  const lines = page.locator(".board-list .line-facts");
  await expect(lines.first()).toContainText("Crash");
  await page.reload();
  await expect(page.getByRole("group", { name: "Kind" }).getByLabel("Crash")).toBeChecked();
  await page.getByRole("button", { name: "Reset" }).click();
  await expect(page).not.toHaveURL(/kind=/);
});

test("an incident is logged and confirmed with keys alone", async ({ page }) => {
  const title = unique();
  await expect(page.locator(".board-list li").first()).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  const form = page.getByRole("dialog", { name: "Log an incident" });
  await expect(form.getByRole("radio", { name: "Crash" })).toBeFocused();
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await expect(form.getByRole("radio", { name: "Stalled vehicle" })).toBeChecked();
  await tabTo(page, "Area");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, "What people would say");
  await page.keyboard.type(title);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: `Stalled vehicle, ${title}` })).toBeVisible();
  await page.keyboard.press("o");
  await expect(page.locator(".board-detail")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.locator(".board-detail .panel-head").getByText("Confirmed")).toBeVisible();
  await page.keyboard.press("c");
  await expect(page.getByRole("dialog", { name: "Remark" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await expect(page.locator(".board-list li.selected")).toBeVisible();
});

/** Goes on with Tab until the control of this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const control = page.getByRole("dialog").getByLabel(name, { exact: true });
  for (let step = 0; step < 30; step++) {
    await page.keyboard.press("Tab");
    if (await control.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

test("a moderator hides a report with a reason and shows it again", async ({ elsewhere }) => {
  const page = await elsewhere("moderator");
  await page.goto("/dispatch");
  await page.locator(".board-list button").first().click();
  const panel = page.locator(".board-detail");
  await expect(panel.getByRole("button", { name: "Answer" })).toHaveCount(0);
  for (const [button, mark] of [
    ["Hide from the public", 1],
    ["Show again", 0],
  ] as const) {
    await panel.getByRole("button", { name: button }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Why").fill("Names a private person.");
    await form.getByRole("button", { name: button }).click();
    await expect(panel.locator(".panel-head").getByText("hidden")).toHaveCount(mark);
  }
  await expect(panel.getByText("Names a private person.").first()).toBeVisible();
});

test("prepared answers are added, changed and deleted", async ({ page, audit }) => {
  const title = unique();
  await page.getByRole("link", { name: "Prepared answers" }).click();
  await expect(page.getByRole("cell", { name: "Устранено", exact: true })).toBeVisible();
  await audit("prepared answers");
  await page.getByRole("button", { name: "Prepare an answer" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Title").fill(title);
  await form.getByLabel("Status it goes with").selectOption("In progress");
  await form.getByLabel("Text, for everyone to read").fill("The crew comes tomorrow.");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("cell", { name: "The crew comes tomorrow." })).toBeVisible();
  await page.getByRole("button", { name: `Change: ${title}` }).click();
  await form.getByLabel("Text, for everyone to read").fill("The crew comes today.");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("cell", { name: "The crew comes today." })).toBeVisible();
  await page.getByRole("button", { name: `Delete: ${title}` }).click();
  await expect(page.getByRole("cell", { name: "The crew comes today." })).toHaveCount(0);
});

test("a road-works feed is checked before it is read, and errors are named with their places", async ({
  page,
  audit,
}) => {
  await page.getByRole("link", { name: "Road-works feeds" }).click();
  await page.getByLabel("Name of the feed").fill("story/feed");
  const file = (content: string) => ({
    name: "feed.geojson",
    mimeType: "application/geo+json",
    buffer: Buffer.from(content),
  });
  await page.getByLabel(/^File/).setInputFiles(file(`{"type": "FeatureCollection", "features": [{}]}`));
  await page.getByRole("button", { name: "Check only" }).click();
  await expect(page.getByText("What is wrong with it")).toBeVisible();
  await audit("a refused feed");
});
