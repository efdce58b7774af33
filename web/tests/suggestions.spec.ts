// Jams that nothing explains stand above the board until a dispatcher decides.
import { Desk } from "./desk";
import { expect as quick, test } from "./story";

const expect = quick.configure({ timeout: 30_000 });
test.describe.configure({ timeout: 120_000 });

test("what the roads suggest becomes an incident or is put away with a reason", async ({
  page,
  url,
  as,
  audit,
}) => {
  const word = `story-${Math.random().toString(36).slice(2, 10)}`;
  const [real, none] = [`${word}-real`, `${word}-none`];
  const desk = await Desk.of(url, "admin");
  await desk.jam(real);
  await desk.jam(none);
  await as("dispatcher");
  await page.goto("/dispatch");
  const suggested = page.getByRole("region", { name: "Suggested by the roads" });
  const line = (name: string) => suggested.getByRole("listitem").filter({ hasText: `Jam: ${name}` });
  await expect(line(none)).toContainText("queue of 330 m");
  await audit("what the roads suggest");

  await line(none).getByRole("button", { name: "Dismiss" }).click();
  const form = page.getByRole("dialog", { name: `Dismiss: Jam: ${none}` });
  await form.getByLabel("Why it is no incident").fill("The barrier is down");
  await audit("why it is no incident");
  await form.getByRole("button", { name: "Dismiss" }).click();
  await expect(form).not.toBeVisible();
  await expect(line(none)).not.toBeVisible();

  await line(real).getByRole("button", { name: "Log as incident" }).click();
  await expect(page.getByRole("heading", { name: `Jam: ${real}` })).toBeVisible();
  await expect(line(real)).not.toBeVisible();
  // A decision stays one.
  await page.reload();
  await expect(page.locator(".board-list li").first()).toBeVisible();
  await expect(line(none)).not.toBeVisible();
});
