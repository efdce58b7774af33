// One incident: what is known, where it is, what happened to it, and everything that can be done.
import { useInfiniteQuery, useMutation } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { GitMerge, MessageSquarePlus, Pencil, UserPlus } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { incidentText, incidentTone, priorityTone } from "~/domain/incidents";
import {
  Direction,
  type Incident,
  IncidentService,
  IncidentStatus,
} from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Badge, Button, Card, More, ProblemNotice, Skeleton, toast, toastError } from "~/kit";
import { AssignDialog } from "./AssignDialog";
import { dispatchText } from "./dispatch.text";
import { EditDialog } from "./EditDialog";
import { LaneEditor } from "./LaneEditor";
import { LinkedReports } from "./LinkedReports";
import { MergeDialog } from "./MergeDialog";
import { canAssign, INCIDENT_MOVES } from "./moves";
import { panelText } from "./panel.text";
import { usePeople } from "./people";
import { RemarkDialog } from "./RemarkDialog";
import type { BoardRow } from "./rows";
import { Timeline } from "./Timeline";
import { NearestPatrols } from "./traffic/NearestPatrols";
import { useKeys } from "./useKeys";
import { incidentPin, Where } from "./Where";

type Asked = "assign" | "remark" | "merge" | "edit";

export function IncidentPanel({
  incident,
  onChange,
  standalone = false,
}: {
  incident: Incident;
  onChange: (row: BoardRow) => void;
  /** It is a page of its own, whose heading is the title. */
  standalone?: boolean;
}) {
  const text = useText(panelText);
  const [asked, setAsked] = useState<Asked>();
  const timeline = useTimeline(incident);
  const pin = incidentPin(incident);
  const close = () => setAsked(undefined);
  const changed = (next: Incident | undefined) => {
    close();
    if (next) onChange(next);
  };
  useKeys([
    { keys: ["a"], run: () => canAssign(incident.status) && setAsked("assign") },
    { keys: ["c"], run: () => setAsked("remark") },
    { keys: ["m"], run: () => setAsked("merge") },
    { keys: ["e"], run: () => setAsked("edit") },
  ]);
  return (
    <div className="panel">
      <Head incident={incident} standalone={standalone} />
      <div className="row" role="toolbar" aria-label={text.move}>
        <Moves incident={incident} onChange={changed} />
        {canAssign(incident.status) && (
          <Button icon={<UserPlus aria-hidden="true" />} onClick={() => setAsked("assign")}>
            {text.assign}
          </Button>
        )}
        <Button icon={<MessageSquarePlus aria-hidden="true" />} onClick={() => setAsked("remark")}>
          {text.remark}
        </Button>
        <Button icon={<Pencil aria-hidden="true" />} onClick={() => setAsked("edit")}>
          {text.edit}
        </Button>
        <Button icon={<GitMerge aria-hidden="true" />} onClick={() => setAsked("merge")}>
          {text.merge}
        </Button>
      </div>
      <div className="panel-pair">
        <Where
          label={`${text.map}: ${incident.place?.address || incident.title}`}
          pins={pin ? [pin] : []}
          selected={incident.incidentId}
          near={pin?.line ?? []}
        />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and without a pointer only what has the focus does */}
        <div className="panel-timeline" tabIndex={0}>
          {timeline.isPending && <Skeleton lines={5} />}
          {timeline.error && <ProblemNotice error={timeline.error} onRetry={() => timeline.refetch()} />}
          <Timeline entries={timeline.data?.pages.flatMap((page) => page.entries) ?? []} of="incident" />
          <More
            shown={timeline.hasNextPage}
            busy={timeline.isFetchingNextPage}
            onClick={() => timeline.fetchNextPage()}
          />
        </div>
      </div>
      <Lanes incident={incident} onChange={changed} />
      <NearestPatrols incident={incident} />
      <Facts incident={incident} />
      <LinkedReports incident={incident} />
      {asked === "assign" && <AssignDialog incident={incident} onClose={close} onChange={changed} />}
      {asked === "remark" && (
        <RemarkDialog
          incidentId={incident.incidentId}
          onClose={() => {
            close();
            timeline.refetch();
          }}
        />
      )}
      {asked === "merge" && <MergeDialog incident={incident} onClose={close} onChange={changed} />}
      {asked === "edit" && <EditDialog incident={incident} onClose={close} onChange={changed} />}
    </div>
  );
}

function useTimeline(incident: Incident) {
  const query = useInfiniteQuery(
    IncidentService.method.listIncidentTimeline,
    { incidentId: incident.incidentId, pageSize: 100, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      refetchInterval: 15_000,
    },
  );
  const { refetch } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of the incident is in its timeline
  useEffect(() => {
    refetch();
  }, [incident.etag, refetch]);
  return query;
}

function Head({ incident, standalone }: { incident: Incident; standalone: boolean }) {
  const text = useText(dispatchText);
  const words = useText(incidentText);
  return (
    <header className="panel-head">
      {!standalone && <h2>{incident.title}</h2>}
      <div className="row">
        <Badge tone={incidentTone[incident.status]}>{words.incidentStatus[incident.status]}</Badge>
        <Badge tone={priorityTone[incident.priority]}>{words.priority[incident.priority]}</Badge>
        <span className="soft">{words.kind[incident.kind]}</span>
        {!standalone && (
          <Link to="/dispatch/incidents/$incidentId" params={{ incidentId: incident.incidentId }}>
            {text.openPage}
          </Link>
        )}
      </div>
      {incident.description !== "" && <p>{incident.description}</p>}
    </header>
  );
}

function Moves({
  incident,
  onChange,
}: {
  incident: Incident;
  onChange: (next: Incident | undefined) => void;
}) {
  const text = useText(panelText);
  const words = useText(incidentText);
  const move = useMutation(IncidentService.method.transitionIncident, {
    onSuccess: (answer) => {
      toast(text.moved);
      onChange(answer.incident);
    },
    onError: toastError,
  });
  return (
    <>
      {INCIDENT_MOVES[incident.status].map((status, index) => (
        <Button
          key={status}
          look={status === IncidentStatus.REJECTED ? "danger" : index === 0 ? "primary" : "secondary"}
          busy={move.isPending && move.variables?.status === status}
          onClick={() =>
            move.mutate({ incidentId: incident.incidentId, status, comment: "", etag: incident.etag })
          }
        >
          {words.incidentStatus[status]}
        </Button>
      ))}
    </>
  );
}

function Lanes({
  incident,
  onChange,
}: {
  incident: Incident;
  onChange: (next: Incident | undefined) => void;
}) {
  const text = useText(panelText);
  const update = useMutation(IncidentService.method.updateIncident, {
    onSuccess: (answer) => {
      toast(text.lanesSaved);
      onChange(answer.incident);
    },
    onError: toastError,
  });
  return (
    <LaneEditor
      lanes={incident.lanes}
      busy={update.isPending}
      onChange={(lanes) =>
        update.mutate({
          incidentId: incident.incidentId,
          lanes,
          updateMask: { paths: ["lanes"] },
          etag: incident.etag,
        })
      }
    />
  );
}

function Facts({ incident }: { incident: Incident }) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const format = useFormat();
  const people = usePeople();
  const { place } = incident;
  const where = [...new Set([place?.road, place?.address])].filter(Boolean).join(", ");
  const lines: readonly [string, ReactNode][] = [
    [dispatch.place, where || "–"],
    [dispatch.assignee, incident.assigneeId ? (people.name(incident.assigneeId) ?? "–") : dispatch.nobodyYet],
    [dispatch.team, incident.team || "–"],
    [text.starts, incident.startTime ? format.dateTime(incident.startTime) : "–"],
    [text.ends, incident.endTime ? format.dateTime(incident.endTime) : text.endsUnknown],
    [dispatch.source, incident.source || "–"],
  ];
  return (
    <Card>
      <dl className="facts">
        {lines.map(([name, value]) => (
          <div key={name} className="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {place !== undefined && place.direction > Direction.UNKNOWN && (
          <div className="fact">
            <dt>{text.direction}</dt>
            <dd>{words.direction[place.direction]}</dd>
          </div>
        )}
      </dl>
    </Card>
  );
}
