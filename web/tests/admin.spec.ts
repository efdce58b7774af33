// What administrators do: services, jobs, accounts, audit, programs, deliveries, catalogue.
import { expect as quick, test } from "./story";

const expect = quick.configure({ timeout: 30_000 });
test.describe.configure({ timeout: 240_000 });

test.beforeEach(async ({ as }) => {
  await as("admin");
});

test("every service is well and says what it depends on", { tag: "@role" }, async ({ page, audit }) => {
  await page.goto("/admin");
  await expect(page).toHaveURL(/\/admin\/services$/);
  await expect(page.getByText("Every service takes calls")).toBeVisible();
  for (const name of ["audit", "identity", "incident", "notification", "operations"]) {
    await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  }
  await expect(page.getByText("incident/database")).toBeVisible();
  await audit("services");
});

test("jobs are listed by service and state, and dead letters where there can be some", async ({
  page,
  audit,
}) => {
  await page.goto("/admin/jobs?service=identity&state=done");
  await expect(page.getByRole("heading", { name: "Jobs: identity" })).toBeVisible();
  await expect(page.getByText("Dead letters: identity")).toHaveCount(0);
  await page.getByLabel("Service").selectOption("audit");
  await page.getByRole("radio", { name: "Dead" }).click();
  await expect(page.getByText("No job was given up")).toBeVisible();
  await expect(page.getByText("Every event was handled")).toBeVisible();
  await expect(page.getByRole("button", { name: "Replay all" })).toBeDisabled();
  await audit("jobs");
});

test("a role is given and taken, and sessions are ended", async ({ page, elsewhere, audit }) => {
  // Two devices: one session is ended by itself, the rest together.
  await elsewhere("analyst");
  await elsewhere("analyst");
  await page.goto("/admin/users?role=11");
  await page.getByRole("row").filter({ hasText: "analyst@" }).getByRole("link").click();
  await audit("an account");
  const editor = page.getByLabel("editor");
  await editor.click();
  await expect(page.getByText("Role given: editor")).toBeVisible();
  await expect(editor).toBeChecked();
  await editor.click();
  await expect(page.getByText("Role taken: editor")).toBeVisible();
  await expect(page.getByLabel("citizen")).toBeDisabled();

  const end = page.getByRole("button", { name: "End", exact: true });
  await expect(end.nth(1)).toBeVisible();
  const before = await end.count();
  await end.first().click();
  await expect(end).toHaveCount(before - 1);
  await page.getByRole("button", { name: "End all sessions" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End all sessions" }).click();
  await expect(page.getByText("Not signed in anywhere")).toBeVisible();
});

test("an account is found by a part of its name or address", async ({ page }) => {
  await page.goto("/admin/users");
  const rows = page.getByRole("table").locator("tbody").getByRole("row");
  await page.getByLabel("Find").fill("ЦИФРОВА");
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText("analyst@demo.kvartal.example");
  await page.getByLabel("Find").fill("DISPATCHER2@");
  await expect(rows).toContainText("Олег Пультов");
  await expect(page).toHaveURL(/q=DISPATCHER2/);
  await page.getByLabel("Role").selectOption("administrator");
  await expect(page.getByText("Nobody matches")).toBeVisible();
});

test("the audit record is searched and its chain verified", async ({ page, audit }) => {
  await page.goto("/admin/audit");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await expect(page.getByText("The chain is intact")).toBeVisible();
  await page.getByLabel("Type").fill("kvartal.identity.v1.SessionStarted");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL(/type=kvartal/);
  await expect(page.getByRole("row").nth(1)).toContainText("SessionStarted");
  await page.getByText("Details").nth(1).click();
  await expect(page.getByText("Hash", { exact: true }).first()).toBeVisible();
  await audit("the audit record");
});

test("a program is registered, its secret shown once, and removed", async ({ page, audit }) => {
  const name = `story ${Date.now()}`;
  await page.goto("/admin/programs");
  await page.getByRole("button", { name: "Register a program" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("analyst").check();
  await form.getByRole("button", { name: "Register a program" }).click();
  await expect(form.getByText("it is shown once")).toBeVisible();
  await form.getByRole("button", { name: "Close" }).click();
  await audit("programs");
  await page.getByRole("row").filter({ hasText: name }).getByRole("button", { name: "Remove" }).click();
  await form.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("row").filter({ hasText: name })).toHaveCount(0);
  const keys = page.getByRole("table", { name: "Signing keys" }).getByRole("row");
  const before = await keys.count();
  await page.getByRole("button", { name: "Sign with the next key" }).click();
  await expect(page.getByText(/Tokens are signed with/)).toBeVisible();
  await expect(keys).not.toHaveCount(before);
});

test("messages are looked at, sent for a test and found among the deliveries", async ({ page, audit }) => {
  await page.goto("/admin/templates");
  await page.getByLabel("Kind").selectOption("Incident assigned");
  await page.getByRole("radio", { name: "Russian" }).click();
  await expect(page.locator(".preview")).toContainText("Здравствуйте");
  await audit("a message");
  await page.getByRole("button", { name: "Send me one" }).click();
  await expect(page.getByText("Sent; it is among your notifications")).toBeVisible();
  await page.getByRole("link", { name: "Deliveries" }).click();
  await expect(page.getByRole("cell", { name: /Incident assigned/ }).first()).toBeVisible();
  await page.getByLabel("State").selectOption("delivered");
  await expect(page).toHaveURL(/state=2/);
  await audit("deliveries");
});

test("the catalogue is changed", async ({ page, audit }) => {
  await page.goto("/admin/catalogue");
  await page.getByRole("row").filter({ hasText: "street_light" }).getByRole("button").click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Team").fill("Lights");
  await audit("the form of a category");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row").filter({ hasText: "street_light" })).toContainText("Lights");
  await page.getByRole("row").filter({ hasText: "Порт" }).getByRole("button").click();
  await form.getByLabel("Boundary").fill("one line");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByText("At least three lines")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("row").filter({ hasText: "Порт" }).getByRole("button").click();
  await form.getByLabel("Team").fill("Harbour");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row").filter({ hasText: "Порт" })).toContainText("Harbour");
});

test("who is no administrator is told which role is missing", async ({ elsewhere }) => {
  const page = await elsewhere("citizen");
  await page.goto("/admin/audit");
  await expect(page.getByText(/needs one of these roles: administrator/)).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Main navigation" })).toBeVisible();
});
