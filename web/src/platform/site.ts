// What the edge tells about this installation: version, and accounts to try where it is a demonstration.
import { queryOptions } from "@tanstack/react-query";

export interface Site {
  readonly version: string;
  /** Known accounts; empty unless the platform runs as a demonstration. */
  readonly demoAccounts: readonly { role: string; email: string; password: string }[];
  /** Where mails that do not leave are shown; empty where they leave. */
  readonly mailPage: string;
}

export const site = queryOptions({
  queryKey: ["site"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async ({ signal }): Promise<Site> => {
    const answer = await fetch("/app.json", { signal });
    if (!answer.ok) throw new Error(`/app.json: ${answer.status}`);
    return await answer.json();
  },
});
