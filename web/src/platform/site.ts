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

/** A line of the city's plan. Points are longitude and latitude. */
export interface SceneryLine {
  readonly name: string;
  readonly class: "street" | "water";
  readonly points: readonly (readonly [number, number])[];
}

/** Streets and water for the maps. */
export const scenery = queryOptions({
  queryKey: ["scenery"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async ({ signal }): Promise<SceneryLine[]> => {
    const answer = await fetch("/scenery.json", { signal });
    if (!answer.ok) throw new Error(`/scenery.json: ${answer.status}`);
    const { features }: { features: Feature[] } = await answer.json();
    return features.map(({ properties, geometry }) => ({ ...properties, points: geometry.coordinates }));
  },
});

interface Feature {
  properties: { name: string; class: "street" | "water" };
  geometry: { coordinates: [number, number][] };
}
