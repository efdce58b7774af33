// The dispatcher's desk without a browser: what stories need to happen elsewhere.
import { PASSWORD } from "./story";

export class Desk {
  private constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async of(url: string, who: string): Promise<Desk> {
    const email = `${who}@demo.kvartal.example`;
    const { tokens } = await post(url, "/v1/sessions:signIn", { email, password: PASSWORD });
    return new Desk(url, tokens.access_token);
  }

  /** Logs an incident in the middle of the city; its id. */
  async incident(title: string): Promise<string> {
    const { incident } = await this.call("/v1/incidents", {
      kind: "INCIDENT_KIND_HAZARD",
      title,
      place: { points: [{ latitude: 62.85, longitude: 54.3 }], address: "Test street" },
    });
    return incident.incident_id;
  }

  /** Gives an incident another title. */
  async rename(incidentId: string, title: string): Promise<void> {
    await this.call(`/v1/incidents/${incidentId}`, { title, update_mask: "title" }, "PATCH");
  }

  /** Answers a report and moves it on. */
  async answer(reportId: string, status: string, answer: string): Promise<void> {
    await this.call(`/v1/reports/${reportId}:answer`, { status, answer });
  }

  /** Lets a road that nobody else uses be jammed for half an hour; for an administrator. `name` is also its id. */
  async jam(name: string): Promise<void> {
    // Each on a road of its own, outside the city: what lies near an incident is not suggested.
    const latitude = 62.5 + Math.random() / 5;
    const road = [latitude, latitude + 0.003].map((latitude) => ({ latitude, longitude: 54.6 }));
    await this.call("/v1/segments", {
      segment: {
        segment_id: name,
        display_name: name,
        geometry: road,
        road_class: "ROAD_CLASS_TRUNK",
        speed_limit_kmh: 80,
        lanes: 2,
      },
    });
    await this.call("/v1/detectors", {
      detector: {
        detector_id: name,
        display_name: name,
        kind: "DETECTOR_KIND_INDUCTIVE_LOOP",
        segment_id: name,
        location: road[0],
        period_seconds: 60,
      },
    });
    const now = Math.floor(Date.now() / 1000);
    const readings = Array.from({ length: 30 }, (_, minutes) => ({
      detector_id: name,
      time: new Date((now - 60 * minutes) * 1000).toISOString(),
      speed_kmh: 6,
      occupancy_percent: 60,
    }));
    await this.call("/v1/readings:ingest", { readings });
  }

  private call(path: string, body: unknown, method = "POST") {
    return post(this.url, path, body, { authorization: `Bearer ${this.token}` }, method);
  }
}

async function post(
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  method = "POST",
) {
  const answer = await fetch(url + path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return await answer.json();
}
