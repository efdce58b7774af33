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
import { SEEN } from "./setup";

const SERVICES: readonly DescService[] = [
  audit.AuditService,
  identity.IdentityService,
  incident.IncidentService,
  report.ReportService,
  notification.NotificationService,
  operations.OperationsService,
];

/** RPCs that no page calls. */
const EXCEPT: Readonly<Record<string, string>> = {
  "IdentityService/GetContact": "internal: services ask each other",
  "IdentityService/IssueClientToken": "for machine clients, which have no browser",
  "NotificationService/RetryDelivery": "for deliveries that failed; without a mail server none is tried",
  "OperationsService/ReplayDeadLetters": "for events that were given up, of which a sound platform has none",
  "OperationsService/RetryJob": "for jobs that were given up, of which a sound platform has none",
  "ReportService/GetPhoto": "pages show photos as pictures of /photos/, which browsers keep",
};

test("every RPC for people is called by a page", () => {
  const seen = new Set(
    readdirSync(SEEN).flatMap((name) => readFileSync(join(SEEN, name), "utf8").split("\n").filter(Boolean)),
  );
  const missing: string[] = [];
  const stale: string[] = [];
  for (const service of SERVICES) {
    for (const method of service.methods) {
      const name = `${service.name}/${method.name}`;
      const called = seen.has(`/${service.typeName}/${method.name}`);
      if (!called && !EXCEPT[name]) missing.push(name);
      if (called && EXCEPT[name]) stale.push(name);
    }
  }
  expect(missing, "no story calls these").toEqual([]);
  expect(stale, "these are called after all").toEqual([]);
});
