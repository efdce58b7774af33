// What was sent to whom, whether it arrived, and why not.
import { useInfiniteQuery, useMutation } from "@connectrpc/connect-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { RotateCcw } from "lucide-react";
import {
  type Delivery,
  DeliveryState,
  NotificationService,
} from "~/gen/kvartal/notification/v1/notification_pb.js";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  type Column,
  Listing,
  Page,
  Select,
  TextField,
  type Tone,
  toast,
  toastError,
  useTyped,
} from "~/kit";
import { deliveriesText } from "./deliveries.text";

export interface DeliveriesSearch {
  state?: number;
  user?: string;
}

const TONES: { readonly [state in DeliveryState]: Tone } = {
  [DeliveryState.UNSPECIFIED]: "neutral",
  [DeliveryState.PENDING]: "info",
  [DeliveryState.DELIVERED]: "good",
  [DeliveryState.FAILED]: "danger",
  [DeliveryState.SUPPRESSED]: "neutral",
};
const STATES = [
  DeliveryState.PENDING,
  DeliveryState.DELIVERED,
  DeliveryState.FAILED,
  DeliveryState.SUPPRESSED,
];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function DeliveriesPage() {
  const text = useText(deliveriesText);
  const { state = DeliveryState.UNSPECIFIED, user = "" } = useSearch({ from: "/admin/deliveries" });
  const navigate = useNavigate({ from: "/admin/deliveries" });
  const wrong = user !== "" && !UUID.test(user);
  const receiver = useTyped(user, (id) =>
    navigate({ search: (before) => ({ ...before, user: id.trim() || undefined }), replace: true }),
  );
  const feed = useInfiniteQuery(
    NotificationService.method.listDeliveries,
    { pageSize: 50, pageToken: "", state, userId: wrong ? "" : user },
    { pageParamKey: "pageToken", getNextPageParam: (last) => last.nextPageToken || undefined },
  );
  const retry = useMutation(NotificationService.method.retryDelivery, {
    onSuccess: () => {
      toast(text.retried);
      feed.refetch();
    },
    onError: toastError,
  });
  const columns: readonly Column<Delivery>[] = [
    {
      key: "kind",
      head: text.kind,
      cell: ({ kind, channel }) => (
        <>
          <strong>{text.kinds[kind]}</strong>
          <br />
          <span className="soft">{text.channels[channel]}</span>
        </>
      ),
    },
    {
      key: "user",
      head: text.receiver,
      cell: ({ userId }) =>
        userId === "" ? (
          <span className="soft">{text.noAccount}</span>
        ) : (
          <Link to="/admin/users/$userId" params={{ userId }} className="mono">
            {userId}
          </Link>
        ),
    },
    {
      key: "state",
      head: text.state,
      cell: (delivery) => <Badge tone={TONES[delivery.state]}>{text.states[delivery.state]}</Badge>,
    },
    { key: "attempts", head: text.attempts, number: true, cell: (delivery) => delivery.attemptCount },
    { key: "error", head: text.lastError, cell: (delivery) => delivery.lastError || "–" },
    { key: "created", head: text.created, cell: (delivery) => <Ago time={delivery.createTime} /> },
    {
      key: "next",
      head: text.next,
      cell: (delivery) => (delivery.nextAttemptTime ? <Ago time={delivery.nextAttemptTime} /> : "–"),
    },
    {
      key: "retry",
      head: text.retry,
      quietHead: true,
      cell: (delivery) =>
        delivery.state === DeliveryState.FAILED && (
          <Button
            icon={<RotateCcw aria-hidden="true" />}
            busy={retry.isPending && retry.variables?.deliveryId === delivery.deliveryId}
            onClick={() => retry.mutate({ deliveryId: delivery.deliveryId })}
          >
            {text.retry}
          </Button>
        ),
    },
  ];
  return (
    <Page title={text.title} lead={text.lead}>
      <div className="filters">
        <Select
          label={text.state}
          value={state}
          onChange={(event) =>
            navigate({ search: (before) => ({ ...before, state: Number(event.target.value) || undefined }) })
          }
        >
          <option value={DeliveryState.UNSPECIFIED}>{text.anyState}</option>
          {STATES.map((each) => (
            <option key={each} value={each}>
              {text.states[each]}
            </option>
          ))}
        </Select>
        <TextField label={text.receiverId} error={wrong ? text.noUuid : undefined} {...receiver} />
      </div>
      <Card>
        <Listing
          feed={feed}
          caption={text.title}
          columns={columns}
          rows={feed.data?.pages.flatMap((page) => page.deliveries) ?? []}
          rowKey={(delivery) => delivery.deliveryId}
          empty={text.empty}
        />
      </Card>
    </Page>
  );
}
