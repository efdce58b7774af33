// Every RPC that the contract offers to people is called by some story, or stands here with the reason why not.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { expect, test } from "@playwright/test";
import { SEEN } from "./setup";

/** Every service of the contract. */
async function services(): Promise<DescService[]> {
  const root = join(import.meta.dirname, "../src/gen/kvartal");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("_pb.ts"),
  );
  const modules = await Promise.all(files.map((name) => import(join(root, name))));
  const isService = (value: unknown): value is DescService =>
    typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
  return modules.flatMap((module) => Object.values(module).filter(isService));
}

/** RPCs that no page calls: why not. */
const EXCEPT: readonly [because: string, ...names: string[]][] = [
  [
    "internal: services ask each other",
    "HostService/GetStatus",
    "HostService/ListJobs",
    "HostService/RetryJob",
    "IdentityService/GetContact",
  ],
  ["for machine clients, which have no browser", "IdentityService/IssueClientToken"],
  [
    "for what was given up; a sound platform has none of it",
    "NotificationService/RetryDelivery",
    "OperationsService/ReplayDeadLetters",
    "OperationsService/RetryJob",
  ],
  ["pages show photos as pictures of /photos/, which browsers keep", "ReportService/GetPhoto"],
  [
    "the page shows all of them, and a list brings as much of each",
    "CameraService/GetCamera",
    "PatrolService/GetPatrol",
  ],
  [
    "devices and what drives with a patrol send it",
    "CameraService/UploadCameraFrame",
    "PatrolService/ReportPatrolPosition",
    "ReadingService/IngestReadingColumns",
    "ReadingService/IngestReadings",
  ],
  [
    "the registers of roads, devices and crews are kept elsewhere; importers bring them",
    "CameraService/CreateCamera",
    "CameraService/DeleteCamera",
    "CameraService/UpdateCamera",
    "DetectorService/BatchPutDetectors",
    "DetectorService/CreateDetector",
    "DetectorService/DeleteDetector",
    "DetectorService/UpdateDetector",
    "NetworkService/BatchPutSegments",
    "NetworkService/CreateSegment",
    "NetworkService/DeleteDistrict",
    "NetworkService/DeleteSegment",
    "NetworkService/ListDistricts",
    "NetworkService/PutDistrict",
    "NetworkService/UpdateSegment",
    "PatrolService/CreatePatrol",
    "PatrolService/DeletePatrol",
    "PatrolService/UpdatePatrol",
    "ReadingService/ImportReadings",
  ],
  ["other programs draw it; ours draws the segments themselves", "NetworkService/GetMapTile"],
  [
    "raw material for analysts' programs; pages show what was made of it",
    "ForecastService/EvaluateForecasts",
    "ReadingService/ListCityGrid",
    "ReadingService/ListReadings",
  ],
];

test("every RPC for people is called by a page", async () => {
  const seen = new Set(
    readdirSync(SEEN).flatMap((name) => readFileSync(join(SEEN, name), "utf8").split("\n").filter(Boolean)),
  );
  const excepted = new Set(EXCEPT.flatMap(([, ...names]) => names));
  const missing: string[] = [];
  const stale: string[] = [];
  for (const service of await services()) {
    for (const method of service.methods) {
      const name = `${service.name}/${method.name}`;
      const called = seen.has(`/${service.typeName}/${method.name}`);
      if (!called && !excepted.delete(name)) missing.push(name);
      if (called && excepted.has(name)) stale.push(name);
    }
  }
  expect(missing, "no story calls these").toEqual([]);
  expect(stale, "these are called after all").toEqual([]);
  expect([...excepted], "the contract has none of this name").toEqual([]);
});
