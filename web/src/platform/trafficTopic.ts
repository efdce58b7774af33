// The stream of traffic, apart from the others: its messages are many, and not every page needs them.
import { createClient } from "@connectrpc/connect";
import { LiveService, type WatchTrafficResponse } from "~/gen/kvartal/traffic/v1/live_pb.js";
import type { Topic } from "./streams";
import { transport } from "./transport";

/** Traffic as everybody may see it: states of roads, jams, scores, warnings. */
export const traffic: Topic<WatchTrafficResponse> = {
  name: "traffic",
  personal: false,
  open: (resumeToken, signal) =>
    createClient(LiveService, transport).watchTraffic({ resumeToken, maxRateHz: 2 }, { signal }),
};
