// Every RPC that the contract offers to people is called by some story, or stands here with the reason why not.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { expect, test } from "@playwright/test";
import * as audit from "../src/gen/kvartal/audit/v1/audit_pb";
import * as identity from "../src/gen/kvartal/identity/v1/identity_pb";
import * as incident from "../src/gen/kvartal/incident/v1/incident_pb";
import * as report from "../src/gen/kvartal/incident/v1/report_pb";
import * as notification from "../src/gen/kvartal/notification/v1/notification_pb";
import * as operations from "../src/gen/kvartal/operations/v1/operations_pb";
import * as camera from "../src/gen/kvartal/traffic/v1/camera_pb";
import * as congestion from "../src/gen/kvartal/traffic/v1/congestion_pb";
import * as detector from "../src/gen/kvartal/traffic/v1/detector_pb";
import * as forecast from "../src/gen/kvartal/traffic/v1/forecast_pb";
import * as live from "../src/gen/kvartal/traffic/v1/live_pb";
import * as network from "../src/gen/kvartal/traffic/v1/network_pb";
import * as patrol from "../src/gen/kvartal/traffic/v1/patrol_pb";
import * as reading from "../src/gen/kvartal/traffic/v1/reading_pb";
import { SEEN } from "./setup";

const SERVICES: readonly DescService[] = [
  audit.AuditService,
  identity.IdentityService,
  incident.IncidentService,
  report.ReportService,
  notification.NotificationService,
  operations.OperationsService,
  camera.CameraService,
  congestion.CongestionService,
  detector.DetectorService,
  forecast.ForecastService,
  live.LiveService,
  network.NetworkService,
  patrol.PatrolService,
  reading.ReadingService,
];

/** RPCs that no page calls: why not. */
const EXCEPT: readonly [because: string, ...names: string[]][] = [
  ["internal: services ask each other", "IdentityService/GetContact"],
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

test("every RPC for people is called by a page", () => {
  const seen = new Set(
    readdirSync(SEEN).flatMap((name) => readFileSync(join(SEEN, name), "utf8").split("\n").filter(Boolean)),
  );
  const excepted = new Set(EXCEPT.flatMap(([, ...names]) => names));
  const missing: string[] = [];
  const stale: string[] = [];
  for (const service of SERVICES) {
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
