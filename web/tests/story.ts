// What every story starts from: pages of somebody, audits, and a note of every RPC that was called.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { type BrowserContext, test as base, expect, type Page } from "@playwright/test";
import { Role } from "../src/gen/kvartal/contract/v1/contract_pb";
import { SEEN } from "./setup";

export { expect };
export const PASSWORD = "kvartal-demo-2026";
export type Who = "citizen" | "dispatcher" | "moderator" | "patrol" | "admin" | "support" | "analyst";

interface Story {
  /** Where the platform is. */
  url: string;
  /** Signs the pages of the test in, without the sign-in page. `name` may be `citizen2`, as the demo has them. */
  as(who: Who | `${Who}${number}`): Promise<void>;
  /** A page of somebody on another device. */
  elsewhere(who: Who | `${Who}${number}`): Promise<Page>;
  /** No violation of WCAG 2.2 A and AA that axe can see. */
  audit(what: string): Promise<void>;
}

export const test = base.extend<Story>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads what a fixture needs from its pattern
  url: async ({}, use) => {
    const url = process.env.KVARTAL_URL;
    if (!url) throw new Error("tests/setup.ts did not say where the platform is");
    await use(url);
  },
  baseURL: async ({ url }, use) => use(url),
  context: async ({ context }, use, info) => {
    note(context, info.parallelIndex);
    await use(context);
  },
  as: async ({ context, url }, use) => {
    await use(async (who) => signIn(context, url, who));
  },
  elsewhere: async ({ browser, url }, use, info) => {
    const contexts: BrowserContext[] = [];
    await use(async (who) => {
      const context = await browser.newContext({ baseURL: url, locale: "en-GB" });
      contexts.push(context);
      note(context, info.parallelIndex);
      await signIn(context, url, who);
      return context.newPage();
    });
    for (const context of contexts) await context.close();
  },
  audit: async ({ page }, use) => {
    await use(async (what) => audit(page, what));
  },
});

/** Notes every RPC that pages of the context call. */
function note(context: BrowserContext, worker: number): void {
  context.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/kvartal.")) appendFileSync(join(SEEN, `${worker}.txt`), `${pathname}\n`);
  });
}

/** Gives the context a session of its own: a refresh token works once, so none is shared. */
export async function signIn(context: BrowserContext, url: string, who: string): Promise<void> {
  const answer = await fetch(`${url}/v1/sessions:signIn`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: `${who}@demo.kvartal.example`, password: PASSWORD }),
  });
  if (!answer.ok) throw new Error(`sign-in of ${who}: ${answer.status} ${await answer.text()}`);
  const { tokens, user } = await answer.json();
  const session = {
    accessToken: tokens.access_token,
    accessExpires: Date.parse(tokens.access_expire_time),
    refreshToken: tokens.refresh_token,
    user: {
      userId: user.user_id,
      displayName: user.display_name,
      email: user.email,
      roles: user.roles.map((role: string) => Role[role.replace("ROLE_", "") as keyof typeof Role]),
    },
  };
  await context.addInitScript((value) => {
    // Once only: what the page makes of it later stays.
    if (sessionStorage.getItem("signed-in")) return;
    sessionStorage.setItem("signed-in", "yes");
    localStorage.setItem("kvartal.session", value);
  }, JSON.stringify(session));
}

export async function audit(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
    .analyze();
  const found = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((n) => n.html).join("\n  ")}`,
  );
  expect(found, what).toEqual([]);
}

/** The languages and widths in which every page is opened; each is then looked at in both themes. */
export const LOOKS = (["ru", "en"] as const).flatMap((locale) =>
  [360, 1440].map((width) => ({ locale, width })),
);

export interface Look {
  locale: "ru" | "en";
  width: number;
  theme?: "light" | "dark";
}

/** Sets language, width and theme before the page is opened. */
export async function look(page: Page, { locale, width, theme = "light" }: Look): Promise<void> {
  await page.setViewportSize({ width, height: width < 600 ? 780 : 900 });
  await page.addInitScript(
    ([locale, theme]) => {
      localStorage.setItem("kvartal.locale", locale);
      localStorage.setItem("kvartal.theme", theme);
    },
    [locale, theme] as const,
  );
}

/** Opens a page and looks at it light and dark: nothing that axe sees, and nothing that scrolls sideways. */
export async function inspect(page: Page, path: string): Promise<void> {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(path);
  await expect(page.locator("h1")).toBeAttached();
  await expect(page.locator(".skeleton")).toHaveCount(0);
  const html = page.locator("html");
  for (const theme of ["light", "dark"]) {
    await html.evaluate(async (element, theme) => {
      element.setAttribute("data-theme", theme);
      // Colours on their way from one theme to the other are not those that people see.
      await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
    }, theme);
    await audit(page, `${path}, ${theme}`);
    await expect(html).toHaveAttribute("data-theme", theme);
  }
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(wide, `${path} is wider than the screen`).toBe(0);
}
