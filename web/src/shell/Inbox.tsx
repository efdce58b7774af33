// Notifications as they arrive.
import { useInfiniteQuery, useMutation } from "@connectrpc/connect-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Archive, Check, CheckCheck } from "lucide-react";
import { type Notification, NotificationService } from "~/gen/kvartal/notification/v1/notification_pb.js";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  Empty,
  More,
  Page,
  ProblemNotice,
  Segmented,
  Skeleton,
  toastError,
} from "~/kit";
import { inboxText } from "./inbox.text";
import { inboxRoute } from "./routes";

const service = NotificationService.method;

export function Inbox() {
  const text = useText(inboxText);
  const navigate = useNavigate();
  const unreadOnly = inboxRoute.useSearch().unread ?? false;
  const list = useInfiniteQuery(
    service.listNotifications,
    { pageSize: 30, unreadOnly, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: (page) => page.nextPageToken || undefined },
  );
  const changed = { onSuccess: () => list.refetch(), onError: toastError };
  const read = useMutation(service.markNotificationsRead, changed);
  const archive = useMutation(service.archiveNotifications, changed);
  const shown = list.data?.pages.flatMap((page) => page.notifications) ?? [];
  const unread = list.data?.pages.at(-1)?.unreadCount ?? 0;
  return (
    <Page
      title={text.inbox}
      width="narrow"
      actions={
        <Button
          icon={<CheckCheck aria-hidden="true" />}
          disabled={unread === 0}
          busy={read.isPending}
          onClick={() => read.mutate({ all: true })}
        >
          {text.readAll}
        </Button>
      }
    >
      <Segmented
        label={text.filter}
        value={unreadOnly ? "unread" : "all"}
        options={[
          { value: "all", label: text.all },
          { value: "unread", label: text.unread },
        ]}
        onChange={(value) =>
          navigate({ to: "/inbox", search: value === "unread" ? { unread: true } : {}, replace: true })
        }
      />
      {list.isPending && <Skeleton lines={6} />}
      {list.isError && <ProblemNotice error={list.error} onRetry={() => list.refetch()} />}
      {list.isSuccess && shown.length === 0 && (
        <Empty title={unreadOnly ? text.emptyUnread : text.emptyAll}>
          <p>{text.emptyLead}</p>
        </Empty>
      )}
      {shown.length > 0 && (
        <Card>
          <ul className="list">
            {shown.map((notification) => (
              <Line
                key={notification.notificationId}
                notification={notification}
                onRead={() => read.mutate({ notificationIds: [notification.notificationId] })}
                onArchive={() => archive.mutate({ notificationIds: [notification.notificationId] })}
              />
            ))}
          </ul>
        </Card>
      )}
      <More shown={list.hasNextPage} busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()} />
    </Page>
  );
}

function Line({
  notification: { title, body, link, createTime, readTime },
  onRead,
  onArchive,
}: {
  notification: Notification;
  onRead: () => void;
  onArchive: () => void;
}) {
  const text = useText(inboxText);
  return (
    <li className="row spread nowrap">
      <div className="grow">
        <p className="row">
          <strong>{link ? <Link to={link}>{title}</Link> : title}</strong>
          {!readTime && <Badge tone="info">{text.new}</Badge>}
        </p>
        <p>{body}</p>
        <p className="hint">
          <Ago time={createTime} />
        </p>
      </div>
      <div className="row nowrap">
        {!readTime && (
          <Button
            look="quiet"
            iconOnly
            icon={<Check aria-hidden="true" />}
            title={text.markRead}
            onClick={onRead}
          >
            {text.markReadOf(title)}
          </Button>
        )}
        <Button
          look="quiet"
          iconOnly
          icon={<Archive aria-hidden="true" />}
          title={text.archive}
          onClick={onArchive}
        >
          {text.archiveOf(title)}
        </Button>
      </div>
    </li>
  );
}
