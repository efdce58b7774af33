// Every page of everybody in both languages, light and dark, on a telephone and on a screen: no violation that axe finds.
import { inspect, LOOKS, look, signIn, test } from "./story";

const PUBLIC = [
  "/",
  "/map",
  "/reports",
  "/report",
  "/sign-in",
  "/register",
  "/reset-password",
  "/confirm",
  "/nowhere",
];
const SIGNED_IN = ["/inbox", "/account", "/account/sessions", "/account/notifications", "/reports?mine=true"];

for (const each of LOOKS) {
  const name = `${each.locale}, ${each.width} px`;

  test(`public pages: ${name}`, async ({ page, url }) => {
    test.setTimeout(480_000);
    await look(page, each);
    for (const path of [...PUBLIC, ...(await examples(url))]) await inspect(page, path);
  });

  test(`pages of the account: ${name}`, async ({ page, context, url }) => {
    test.setTimeout(480_000);
    await look(page, each);
    await signIn(context, url, "citizen");
    for (const path of SIGNED_IN) await inspect(page, path);
  });
}

/** What is there: a report, an incident, a jam, a road on the map. */
async function examples(url: string): Promise<string[]> {
  const { reports } = await (await fetch(`${url}/v1/reports?page_size=1`)).json();
  const { incidents } = await (await fetch(`${url}/v1/incidents?page_size=1`)).json();
  const { jams } = await (await fetch(`${url}/v1/jams?page_size=1`)).json();
  const { segments } = await (await fetch(`${url}/v1/segments?page_size=1`)).json();
  return [
    `/reports/${reports[0].report_id}`,
    `/incidents/${incidents[0].incident_id}`,
    `/jams/${jams[0].jam_id}`,
    `/map?selected=${segments[0].segment_id}`,
  ];
}
