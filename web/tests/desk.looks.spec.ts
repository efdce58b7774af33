// Pages of dispatchers and administrators in both languages, both themes, narrow and wide: no violation that axe can see,
// and nothing that makes the page scroll sideways.
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
      if (who === "dispatcher") paths.push(...(await examples(url)));
      for (const path of paths) await inspect(page, path);
    });
  }
}

/** An incident and a report that are there, beside the list and on pages of their own. */
async function examples(url: string): Promise<string[]> {
  const { reports } = await (await fetch(`${url}/v1/reports?page_size=1`)).json();
  const { incidents } = await (await fetch(`${url}/v1/incidents?page_size=1`)).json();
  const [report, incident] = [reports[0].report_id, incidents[0].incident_id];
  return [
    `/dispatch?sel=${incident}`,
    `/dispatch?list=reports&sel=${report}`,
    `/dispatch/incidents/${incident}`,
    `/dispatch/reports/${report}`,
  ];
}
