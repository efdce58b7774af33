// Pages of dispatchers and administrators in both languages, both themes, narrow and wide: no violation that axe can see,
// and nothing that makes the page scroll sideways.
import type { Page } from "@playwright/test";
import { inspect, LOOKS, look, test } from "./story";

const PAGES: [who: "dispatcher" | "admin", path: string][] = [
  ["dispatcher", "/dispatch"],
  ["dispatcher", "/dispatch?list=reports"],
  ["dispatcher", "/dispatch/templates"],
  ["dispatcher", "/dispatch/feeds"],
  ["dispatcher", "/dispatch/traffic"],
  ["dispatcher", "/dispatch/patrols"],
  ["dispatcher", "/dispatch/cameras"],
  ["dispatcher", "/dispatch/detectors"],
  ["dispatcher", "/dispatch/forecast"],
  ["admin", "/admin/services"],
  ["admin", "/admin/jobs"],
  ["admin", "/admin/users"],
  ["admin", "/admin/programs"],
  ["admin", "/admin/audit"],
  ["admin", "/admin/deliveries"],
  ["admin", "/admin/templates"],
  ["admin", "/admin/catalogue"],
];

for (const each of LOOKS) {
  const name = `${each.locale}, ${each.width} px`;
  for (const who of ["dispatcher", "admin"] as const) {
    test(`pages for ${who} are accessible: ${name}`, async ({ page, as, url }) => {
      test.setTimeout(600_000);
      await as(who);
      await look(page, each);
      const paths = PAGES.filter(([owner]) => owner === who).map(([, path]) => path);
      paths.push(...(who === "dispatcher" ? await examples(url) : [await account(page)]));
      for (const path of paths) await inspect(page, path);
    });
  }
}

/** What is there: an incident and a report, beside the list and on pages of their own, a detector; and roads as they were. */
async function examples(url: string): Promise<string[]> {
  const { reports } = await (await fetch(`${url}/v1/reports?page_size=1`)).json();
  const { incidents } = await (await fetch(`${url}/v1/incidents?page_size=1`)).json();
  const { detectors } = await (await fetch(`${url}/v1/detectors?page_size=1`)).json();
  const [report, incident] = [reports[0].report_id, incidents[0].incident_id];
  return [
    `/dispatch?sel=${incident}`,
    `/dispatch?list=reports&sel=${report}`,
    `/dispatch/incidents/${incident}`,
    `/dispatch/reports/${report}`,
    `/dispatch/detectors/${detectors[0].detector_id}`,
    "/dispatch/traffic?at=2026-01-01T08:00",
  ];
}

/** The page of somebody's account. */
async function account(page: Page): Promise<string> {
  await page.goto("/admin/users");
  return (await page.getByRole("table").getByRole("link").first().getAttribute("href")) ?? "";
}
