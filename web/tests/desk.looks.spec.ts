// Pages of dispatchers and administrators in both languages, both themes, narrow and wide: no violation that axe can see,
// and nothing that makes the page scroll sideways.
import { expect, LOOKS, look, test } from "./story";

const PAGES = [
  ["dispatcher", "/dispatch"],
  ["dispatcher", "/dispatch?list=reports"],
  ["dispatcher", "/dispatch/templates"],
  ["dispatcher", "/dispatch/feeds"],
  ["admin", "/admin/services"],
  ["admin", "/admin/jobs"],
  ["admin", "/admin/users"],
  ["admin", "/admin/programs"],
  ["admin", "/admin/audit"],
  ["admin", "/admin/deliveries"],
  ["admin", "/admin/templates"],
  ["admin", "/admin/catalogue"],
] as const;

for (const each of LOOKS) {
  const name = `${each.locale}, ${each.theme}, ${each.width} px`;
  for (const who of ["dispatcher", "admin"] as const) {
    test(`pages for ${who} are accessible: ${name}`, async ({ page, as, audit }) => {
      await as(who);
      await look(page, each);
      for (const [, path] of PAGES.filter(([owner]) => owner === who)) {
        await page.goto(path);
        await expect(page.locator(".skeleton")).toHaveCount(0);
        await expect(page.locator("h1")).toBeAttached();
        await audit(`${path} (${name})`);
        const sideways = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(sideways, `${path} (${name}) scrolls sideways`).toBe(0);
      }
    });
  }
}
