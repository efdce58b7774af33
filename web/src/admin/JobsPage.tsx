// Background jobs of each service, and events that services gave up; both can be given another chance.
import { createConnectQueryKey, useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { RefreshCw, RotateCcw } from "lucide-react";
import { type Job, JobState } from "~/gen/kvartal/host/v1/host_pb.js";
import { type DeadLetter, OperationsService } from "~/gen/kvartal/operations/v1/operations_pb.js";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  type Column,
  Listing,
  Page,
  Segmented,
  Select,
  toast,
  toastError,
} from "~/kit";
import { adminText } from "./admin.text";
import { jobsText } from "./jobs.text";
import { JOB_STATES } from "./routes";

type StateName = (typeof JOB_STATES)[number];

const STATES: { readonly [name in StateName]: JobState } = {
  dead: JobState.DEAD,
  waiting: JobState.WAITING,
  running: JobState.RUNNING,
  done: JobState.DONE,
};

export interface JobsSearch {
  service?: string;
  state?: StateName;
}

export function JobsPage() {
  const text = useText(jobsText);
  const { service: wanted, state = "dead" } = useSearch({ from: "/admin/jobs" });
  const navigate = useNavigate({ from: "/admin/jobs" });
  const services = useQuery(OperationsService.method.listServices, {}).data?.services ?? [];
  const service = wanted ?? services[0]?.service;
  const chosen = services.find((known) => known.service === service);
  return (
    <Page title={text.title} lead={text.lead}>
      <div className="filters">
        <Select
          label={text.service}
          value={service ?? ""}
          onChange={(event) => navigate({ search: (before) => ({ ...before, service: event.target.value }) })}
        >
          {services.map((known) => (
            <option key={known.service}>{known.service}</option>
          ))}
        </Select>
        <Segmented
          label={text.state}
          value={state}
          options={JOB_STATES.map((value) => ({ value, label: text.states[value] }))}
          onChange={(value) => navigate({ search: (before) => ({ ...before, state: value }) })}
        />
      </div>
      {service && <Jobs service={service} state={state} />}
      {service && chosen?.consumesEvents && <DeadLetters service={service} />}
    </Page>
  );
}

function Jobs({ service, state }: { service: string; state: StateName }) {
  const text = useText(jobsText);
  const admin = useText(adminText);
  const feed = useInfiniteQuery(
    OperationsService.method.listJobs,
    { service, state: STATES[state], pageSize: 50, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: (last) => last.nextPageToken || undefined },
  );
  const retry = useMutation(OperationsService.method.retryJob, {
    onSuccess: () => {
      toast(text.retried);
      feed.refetch();
    },
    onError: toastError,
  });
  const columns: Column<Job>[] = [
    {
      key: "kind",
      head: text.kind,
      cell: (job) => (
        <>
          <strong>{job.kind}</strong>
          <br />
          <span className="mono soft">{job.key || job.jobId}</span>
        </>
      ),
    },
    {
      key: "attempts",
      head: text.attempts,
      number: true,
      cell: (job) => `${job.attemptCount} / ${job.maxAttempts}`,
    },
    { key: "error", head: text.lastError, cell: (job) => job.lastError || text.none },
    { key: "created", head: text.created, cell: (job) => <Ago time={job.createTime} /> },
    {
      key: "due",
      head: state === "waiting" ? text.due : text.changed,
      cell: (job) => <Ago time={state === "waiting" ? job.dueTime : job.updateTime} />,
    },
  ];
  if (state === "dead") {
    columns.push({
      key: "retry",
      head: text.retry,
      quietHead: true,
      cell: (job) => (
        <Button
          icon={<RotateCcw aria-hidden="true" />}
          busy={retry.isPending && retry.variables?.jobId === job.jobId}
          onClick={() => retry.mutate({ service, jobId: job.jobId })}
        >
          {text.retry}
        </Button>
      ),
    });
  }
  return (
    <Card
      title={`${text.jobs}: ${service}`}
      actions={
        <Button
          icon={<RefreshCw aria-hidden="true" />}
          busy={feed.isRefetching}
          onClick={() => feed.refetch()}
        >
          {admin.refresh}
        </Button>
      }
    >
      <Listing
        feed={feed}
        caption={`${text.jobs}: ${service}`}
        columns={columns}
        rows={feed.data?.pages.flatMap((page) => page.jobs) ?? []}
        rowKey={(job) => job.jobId}
        empty={text.noJobs[state]}
      />
    </Card>
  );
}

function DeadLetters({ service }: { service: string }) {
  const text = useText(jobsText);
  const client = useQueryClient();
  const feed = useQuery(OperationsService.method.listDeadLetters, { service });
  const letters = feed.data?.deadLetters ?? [];
  const replay = useMutation(OperationsService.method.replayDeadLetters, {
    onSuccess: ({ replayedCount }) => {
      toast(text.replayed(Number(replayedCount)));
      const schema = OperationsService.method.listDeadLetters;
      client.invalidateQueries({ queryKey: createConnectQueryKey({ schema, cardinality: "finite" }) });
    },
    onError: toastError,
  });
  const columns: readonly Column<DeadLetter>[] = [
    {
      key: "event",
      head: text.event,
      cell: (letter) => (
        <>
          <strong>{letter.type.split(".").at(-1)}</strong>
          <br />
          <span className="mono soft">{letter.eventId}</span>
        </>
      ),
    },
    { key: "source", head: text.source, cell: (letter) => letter.source },
    { key: "subject", head: text.subject, cell: (letter) => <span className="mono">{letter.subject}</span> },
    { key: "reason", head: text.reason, cell: (letter) => letter.reason || text.none },
    { key: "deliveries", head: text.deliveries, number: true, cell: (letter) => letter.deliveryCount },
    { key: "time", head: text.time, cell: (letter) => <Ago time={letter.time} /> },
  ];
  return (
    <Card
      title={
        <>
          {`${text.deadLetters}: ${service} `}
          {letters.length > 0 && (
            <Badge tone="danger">{letters.length === 100 ? "100+" : letters.length}</Badge>
          )}
        </>
      }
      actions={
        <Button
          icon={<RotateCcw aria-hidden="true" />}
          disabled={letters.length === 0}
          busy={replay.isPending}
          onClick={() => replay.mutate({ service })}
        >
          {text.replay}
        </Button>
      }
    >
      <Listing
        feed={feed}
        caption={`${text.deadLetters}: ${service}`}
        columns={columns}
        rows={letters}
        rowKey={(letter) => letter.eventId}
        empty={text.noDeadLetters}
      />
    </Card>
  );
}
