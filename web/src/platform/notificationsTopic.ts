// The stream of notifications, apart from the others: only those who are signed in have one.
import { createClient } from "@connectrpc/connect";
import {
  NotificationService,
  type WatchNotificationsResponse,
} from "~/gen/kvartal/notification/v1/notification_pb.js";
import type { Topic } from "./streams";
import { transport } from "./transport";

/** What arrives in the inbox of the signed-in user. */
export const notifications: Topic<WatchNotificationsResponse> = {
  name: "notifications",
  personal: true,
  open: (resumeToken, signal) =>
    createClient(NotificationService, transport).watchNotifications({ resumeToken }, { signal }),
};
