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
