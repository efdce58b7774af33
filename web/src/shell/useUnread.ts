// How many notifications are unread, told by the stream; the inbox page reads the rest.
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { NotificationService } from "~/gen/kvartal/notification/v1/notification_pb.js";
import { notifications } from "~/platform/notificationsTopic";
import { useTopic } from "~/platform/streams";

export function useUnread(): number {
  const client = useQueryClient();
  const [unread, setUnread] = useState(0);
  const reread = () => {
    const schema = NotificationService.method.listNotifications;
    client.invalidateQueries({ queryKey: createConnectQueryKey({ schema, cardinality: undefined }) });
  };
  useTopic(
    notifications,
    (message) => {
      setUnread(message.unreadCount);
      if (message.notification) reread();
    },
    reread,
  );
  return unread;
}
