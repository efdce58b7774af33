// What everybody does: looks at the city, reports, follows what becomes of it.
import { Desk } from "./desk";
import { photo } from "./photo";
import { expect, test } from "./story";

/** In the middle of the demo city. */
const CENTRE = { lat: 62.85, lng: 54.3 };

test("a photo that knows its place makes a report in three more taps", { tag: "@role" }, async ({
  page,
  as,
}) => {
  await as("citizen");
  await page.goto("/report");
  const picture = await photo(page, CENTRE);
  let taps = 0;
  const tap = () => taps++;
  await page.getByLabel("Take or choose a photo").setInputFiles(picture);
  tap();
  await expect(page.getByText("Chosen: 62.85000, 54.30000")).toBeVisible();
  await page.getByRole("radio", { name: "Garbage" }).check();
  tap();
  await page.getByRole("button", { name: "Send the report" }).click();
  tap();
  await expect(page.getByRole("heading", { name: "Thank you!" })).toBeVisible();
  expect(taps).toBeLessThanOrEqual(4);
  await page.getByRole("link", { name: "Follow what becomes of it" }).click();
  await expect(page.getByRole("heading", { name: "Garbage" })).toBeVisible();
  await expect(page.getByText("Report received")).toBeVisible();
  await expect(page.getByRole("img", { name: "Photo 1" })).toBeVisible();
  await page.goto("/reports?mine=true");
  await expect(page.getByRole("link", { name: "Garbage" }).first()).toBeVisible();
});

test("what was reported already is offered to follow", async ({ page, context, as }) => {
  await as("citizen2");
  await context.grantPermissions(["geolocation"]);
  await context.setGeolocation({ latitude: 62.8471, longitude: 54.3093 });
  await page.goto("/report");
  const write = async () => {
    await page.getByRole("button", { name: "My position" }).click();
    await page.getByRole("radio", { name: "Fallen tree" }).check();
    await page.getByLabel("Description").fill("A poplar lies across the path to the school");
  };
  await write();
  await page.getByRole("button", { name: "Send the report" }).click();
  await page.getByRole("button", { name: "Report something else" }).click();
  await write();
  await expect(page.getByText("Is it one of these?")).toBeVisible();
  const candidate = page.getByRole("listitem").filter({ hasText: "A poplar lies across" });
  await candidate.getByRole("button", { name: "Follow" }).click();
  await expect(candidate.getByText("You follow it")).toBeVisible();
});

test("a report of somebody else is followed and let go", async ({ page, as, url }) => {
  const { reports } = await (await fetch(`${url}/v1/reports?page_size=1`)).json();
  await as("patrol2");
  await page.goto(`/reports/${reports[0].tracking_number}`);
  const follow = page.getByRole("button", { name: "Follow", exact: true });
  await follow.click();
  const stop = page.getByRole("button", { name: "Stop following" });
  await expect(follow).toHaveCount(0);
  await stop.click();
  await expect(follow).toBeVisible();
  await expect(stop).toHaveCount(0);
});

test("a report written without a network is sent when there is one", async ({ page, context }) => {
  await page.goto("/report");
  await page.getByRole("button", { name: "Pin in the middle of the map" }).click();
  // No words: the category stands for them, later too.
  await page.getByRole("radio", { name: "Noise" }).check();
  await context.setOffline(true);
  await page.getByRole("button", { name: "Send the report" }).click();
  await expect(page.getByText("There is no network.")).toBeVisible();
  await expect(page.getByText("1 report waits for the network")).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText(/Your report KV-\S+ has been sent/)).toBeVisible();
  await expect(page.getByText("1 report waits for the network")).toBeHidden();
});

test("a draft survives the end of the page, photo included", async ({ page }) => {
  await page.goto("/report");
  await page.getByLabel("Take or choose a photo").setInputFiles(await photo(page));
  await page.getByLabel("Description").fill("Half a sentence");
  await expect(page.getByText("The draft is kept on this device")).toBeVisible();
  await page.goto("/");
  await page.goto("/report");
  await expect(page.getByLabel("Description")).toHaveValue("Half a sentence");
  await expect(page.getByRole("img", { name: "Photo 1" })).toBeVisible();
  await page.getByRole("button", { name: "Discard the draft" }).click();
  await expect(page.getByLabel("Description")).toHaveValue("");
});

test("a form that is not complete says what is missing", async ({ page }) => {
  await page.goto("/report");
  await page.getByRole("button", { name: "Send the report" }).click();
  await expect(page.getByRole("alert")).toContainText("Still missing: place, category");
});

test("who is signed in follows a district with the account, and says what is told", async ({ page, as }) => {
  await as("citizen");
  await page.goto("/");
  await page.getByLabel("Where").selectOption("Central");
  await page.getByRole("button", { name: "Follow this district" }).click();
  await expect(page.getByRole("button", { name: "Stop following" })).toBeVisible();
  // Another device knows nothing; the account does.
  await page.evaluate(() => localStorage.removeItem("kvartal.areas"));
  await page.goto("/account/notifications");
  await expect(page.getByLabel("Central: Jams")).toBeChecked();
  await page.getByLabel("Central: Reports").click();
  await expect(page.getByLabel("Central: Reports")).toBeChecked();
  await expect(page.getByText("Saved", { exact: true }).first()).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Central: Reports")).toBeChecked();
  await expect(page.getByLabel("Central: Detectors")).toHaveCount(0);
  await page.getByRole("button", { name: "Stop following: Central" }).click();
  await expect(page.getByText("None yet.")).toBeVisible();
});

test("who follows a district is told of what is new there", async ({ page, url }) => {
  const desk = await Desk.of(url, "dispatcher4");
  await page.goto("/");
  await page.getByLabel("Where").selectOption("Central");
  await page.getByRole("button", { name: "Follow this district" }).click();
  await expect(page.getByRole("button", { name: "Stop following" })).toBeVisible();
  await page.goto("/reports");
  await expect(page.getByRole("banner").getByRole("status")).toHaveText("Live");
  const title = `News ${Date.now()}`;
  await desk.incident(title);
  await expect(page.getByText(`Central: ${title}`)).toBeVisible();
});

for (const path of ["/", "/map", "/report", "/reports", "/sign-in"]) {
  test(`${path} says what it is before the app is there`, async ({ page }) => {
    await page.route(/\/assets\/(?!first-).*\.js$/, (route) => route.abort());
    for (const locale of ["en", "ru"]) {
      await page.goto(path);
      await page.evaluate((chosen) => localStorage.setItem("kvartal.locale", chosen), locale);
      await page.reload();
      await expect(page.locator(".title")).toBeVisible();
      const first = await page.locator("#root p").allTextContents();
      expect(first).toHaveLength(2);
      await page.unrouteAll();
      await page.reload();
      // The same words, so that nothing changes under the reader's eye.
      await expect(page.locator("h1")).toHaveText(first[0] ?? "");
      await expect(page.locator("main .lead").first()).toHaveText(first[1] ?? "");
      await page.route(/\/assets\/(?!first-).*\.js$/, (route) => route.abort());
    }
  });
}

test("a path that leads nowhere says so and leads to the city", async ({ page }) => {
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  await expect(page).toHaveTitle("There is no such page · Kvartal");
  await page.getByRole("link", { name: "To the city" }).click();
  await expect(page).toHaveURL(/\/$/);
  await expect(page.getByRole("heading", { name: "The city now" })).toBeFocused();
});
