// The reader's account: signing in and out, a new account by mail, devices.
import { expect, test } from "./story";

test("a demo account signs in with one click and out again", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "dispatcher" }).click();
  await expect(page).toHaveURL(/\/$/);
  await page.getByText("Нина Дежурова").first().click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
});

test("a wrong password is told with the next step and the number of the error", async ({ page }) => {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill("citizen@demo.kvartal.example");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const problem = page.getByRole("alert");
  await expect(problem).toContainText("The e-mail address or the password is wrong.");
  await expect(problem).toContainText("Check both, or reset the password.");
  await expect(problem.locator("code")).toHaveText(/^[0-9a-f]{8}$/);
});

test("a new account is confirmed by mail, its password changed and reset", async ({ page, url }) => {
  test.setTimeout(180_000);
  const email = `new-${Date.now()}@demo.kvartal.example`;
  await page.goto("/register");
  await page.getByLabel("Name").fill("Newcomer");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("a long first password");
  await page.getByRole("button", { name: "Create an account" }).click();
  await expect(page.getByRole("heading", { name: "Look into your mail" })).toBeVisible();
  await page.getByRole("button", { name: "Send it again" }).click();
  await expect(page.getByText("Sent again")).toBeVisible();
  await page.goto(await mailed(url, email, "/confirm", 2));
  await expect(page.getByText("The address is confirmed.")).toBeVisible();
  await page.getByRole("main").getByRole("link", { name: "Sign in" }).click();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("a long first password");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByText("Newcomer").first()).toBeVisible();
  await page.goto("/account");
  await page.getByLabel("Current password").fill("a long first password");
  await page.getByLabel("New password").fill("a long second password");
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByText("The password is changed; other sessions have ended")).toBeVisible();
  await page.goto("/account/sessions");
  await page.getByRole("button", { name: "End all sessions" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End all sessions" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByRole("link", { name: "Forgot the password?" }).click();
  // The page before has a field of this name, too.
  await expect(page.getByRole("heading", { name: "Reset the password" })).toBeVisible();
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByRole("heading", { name: "Look into your mail" })).toBeVisible();
  await page.goto(await mailed(url, email, "/reset-password", 1));
  await page.getByLabel("New password").fill("a long third password");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The password is changed and every session has ended.")).toBeVisible();
});

test("a profile and what one is told are changed and stay changed", async ({ page, as }) => {
  await as("citizen7");
  await page.goto("/account");
  await page.getByLabel("Telephone").fill("+7 900 123-45-67");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Telephone")).toHaveValue("+79001234567");
  await page.goto("/account/notifications");
  const mail = page.getByRole("checkbox", { name: "Your report was received: E-mail" });
  const before = await mail.isChecked();
  await mail.click();
  await expect(page.getByText("Saved")).toBeVisible();
  await page.reload();
  await expect(mail).toBeChecked({ checked: !before });
});

test("whoever comes back when the token has run out is still signed in", async ({ page, as }) => {
  await as("citizen5");
  await page.goto("/");
  // As after a night.
  await page.evaluate(() => {
    const session = JSON.parse(localStorage.getItem("kvartal.session") ?? "{}");
    localStorage.setItem("kvartal.session", JSON.stringify({ ...session, accessExpires: 0 }));
  });
  const refreshed = page.waitForResponse(/RefreshSession$/);
  await page.goto("/account");
  expect((await refreshed).status()).toBe(200);
  await expect(page.getByText("citizen5@demo.kvartal.example").first()).toBeVisible();
});

test("notifications are read and put away", async ({ page, as }) => {
  await as("citizen");
  await page.goto("/inbox");
  const lines = page.getByRole("main").getByRole("listitem");
  await expect(lines.first()).toBeVisible();
  const title = (await lines.first().locator("strong").textContent()) ?? "";
  await lines
    .first()
    .getByRole("button", { name: /^Archive/ })
    .click();
  await expect(lines.first().locator("strong")).not.toHaveText(title);
  // The city goes on: what arrives in the meantime may be unread again.
  const marked = page.waitForResponse(/MarkNotificationsRead$/);
  await page.getByRole("button", { name: "Mark all as read" }).click();
  expect((await marked).status()).toBe(200);
});

/** The newest link of this kind, when so many have been mailed to the address: each makes those before it useless. */
async function mailed(url: string, email: string, path: string, count: number): Promise<string> {
  let links: string[] = [];
  await expect(async () => {
    const list = await (await fetch(`${url}/_dev/mail`)).text();
    const rows = list.split("<tr>").filter((row) => row.includes(email));
    const mails = rows.map(async (row) => {
      const mail = await (await fetch(`${url}${/href="(\/_dev\/mail\/[^"]+)"/.exec(row)?.[1]}`)).text();
      return new RegExp(`${path}\\?token=[^"<\\s]+`).exec(mail)?.[0];
    });
    links = (await Promise.all(mails)).filter((link) => link !== undefined);
    expect(links).toHaveLength(count);
  }).toPass({ timeout: 30_000 });
  return links[0] ?? "";
}
