// The streams of the platform that pages follow, unfiltered, so that all tabs can share one of each.
import { createClient } from "@connectrpc/connect";
import { IncidentService, type WatchIncidentsResponse } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportService, type WatchReportsResponse } from "~/gen/kvartal/incident/v1/report_pb.js";
import type { Topic } from "./streams";
import { transport } from "./transport";

/** Every incident as it changes. */
export const incidents: Topic<WatchIncidentsResponse> = {
  name: "incidents",
  personal: false,
  open: (resumeToken, signal) =>
    createClient(IncidentService, transport).watchIncidents({ resumeToken }, { signal }),
};

/** Every report as it comes and changes; for dispatchers and moderators. */
export const reports: Topic<WatchReportsResponse> = {
  name: "reports",
  personal: true,
  open: (resumeToken, signal) =>
    createClient(ReportService, transport).watchReports({ resumeToken }, { signal }),
};
