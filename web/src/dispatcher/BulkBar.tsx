// What can be done with several rows at once.
import { createClient } from "@connectrpc/connect";
import { useMutation } from "@tanstack/react-query";
import { X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { incidentText } from "~/domain/incidents";
import {
  type Incident,
  IncidentService,
  type IncidentStatus,
} from "~/gen/kvartal/incident/v1/incident_pb.js";
import type { Report } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, TextField, toast, toastError } from "~/kit";
import { transport } from "~/platform/transport";
import { AnswerDialog } from "./AnswerDialog";
import { PersonSelect } from "./AssignDialog";
import { eachOf, type Failed, type Outcome } from "./bulk";
import { dispatchText } from "./dispatch.text";
import { Failures } from "./Failures";
import { canAssign, INCIDENT_MOVES } from "./moves";
import { panelText } from "./panel.text";
import { type BoardRow, isIncident } from "./rows";

interface Props {
  rows: readonly BoardRow[];
  onDone: (row: BoardRow) => void;
  /** Only these are chosen from now on. */
  onKeep: (rows: readonly BoardRow[]) => void;
}

export function BulkBar({ rows, onDone, onKeep }: Props) {
  const text = useText(dispatchText);
  const incidents = rows.filter(isIncident);
  const reports = rows.filter((row): row is Report => !isIncident(row));
  return (
    <div className="bulk" role="toolbar" aria-label={text.chosen(rows.length)}>
      <strong>{text.chosen(rows.length)}</strong>
      {/* Also without any: what was refused may have left the list since, and the reason must not go with it. */}
      <ManyIncidents incidents={incidents} onDone={onDone} onKeep={onKeep} />
      <ManyReports reports={reports} onDone={onDone} onKeep={onKeep} />
      <Button look="quiet" icon={<X aria-hidden="true" />} onClick={() => onKeep([])}>
        {text.clear}
      </Button>
    </div>
  );
}

function ManyReports({ reports, onDone, onKeep }: Omit<Props, "rows"> & { reports: readonly Report[] }) {
  const text = useText(panelText);
  const [asked, setAsked] = useState(false);
  return (
    <>
      {reports.length > 0 && (
        <Button look="primary" onClick={() => setAsked(true)}>
          {text.answer}
        </Button>
      )}
      {asked && (
        <AnswerDialog
          reports={reports}
          onClose={() => setAsked(false)}
          onChange={(report) => report && onDone(report)}
          onKeep={onKeep}
        />
      )}
    </>
  );
}

function ManyIncidents({
  incidents,
  onDone,
  onKeep,
}: Omit<Props, "rows"> & { incidents: readonly Incident[] }) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const [asked, setAsked] = useState(false);
  const [failed, setFailed] = useState<readonly Failed<Incident>[]>([]);
  // Takes in what was changed; what was refused stays chosen, with the reason.
  const finish = (outcome: Outcome<Incident, Incident | undefined>) => {
    for (const row of outcome.done) if (row) onDone(row);
    if (outcome.done.length > 0) toast(dispatch.changed(outcome.done.length));
    setFailed(outcome.failed);
    onKeep(outcome.failed.map(({ item }) => item));
  };
  const [first, ...rest] = incidents;
  const moves = first
    ? INCIDENT_MOVES[first.status].filter((to) =>
        rest.every((other) => INCIDENT_MOVES[other.status].includes(to)),
      )
    : [];
  const move = useMutation({
    mutationFn: (status: IncidentStatus) => {
      const client = createClient(IncidentService, transport);
      return eachOf(incidents, async ({ incidentId, etag }) => {
        return (await client.transitionIncident({ incidentId, status, comment: "", etag })).incident;
      });
    },
    onSuccess: finish,
    onError: toastError,
  });
  return (
    <>
      {moves.map((status) => (
        <Button
          key={status}
          busy={move.isPending && move.variables === status}
          onClick={() => move.mutate(status)}
        >
          {words.incidentStatus[status]}
        </Button>
      ))}
      {first && incidents.every((incident) => canAssign(incident.status)) && (
        <Button onClick={() => setAsked(true)}>{text.assign}</Button>
      )}
      {asked && <AssignMany incidents={incidents} onClose={() => setAsked(false)} onFinish={finish} />}
      <Failures failed={failed} />
    </>
  );
}

function AssignMany({
  incidents,
  onClose,
  onFinish,
}: {
  incidents: readonly Incident[];
  onClose: () => void;
  onFinish: (outcome: Outcome<Incident, Incident | undefined>) => void;
}) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const assign = useMutation({
    mutationFn: (to: { assigneeId: string; team: string }) => {
      const client = createClient(IncidentService, transport);
      return eachOf(incidents, async ({ incidentId, etag }) => {
        return (await client.assignIncident({ incidentId, etag, ...to })).incident;
      });
    },
    onSuccess: (outcome) => {
      onClose();
      onFinish(outcome);
    },
    onError: toastError,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    assign.mutate({
      assigneeId: String(form.get("person") ?? ""),
      team: String(form.get("team") ?? "").trim(),
    });
  };
  return (
    <Dialog title={text.assign} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">{dispatch.chosen(incidents.length)}</p>
        <PersonSelect name="person" />
        <TextField label={dispatch.team} name="team" maxLength={80} hint={text.teamHint} />
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={assign.isPending}>
            {text.assign}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
