// Gives an incident to a person or a team.
import { useMutation } from "@connectrpc/connect-query";
import type { FormEvent } from "react";
import { type Incident, IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, ProblemNotice, Select, TextField, toast } from "~/kit";
import { dispatchText } from "./dispatch.text";
import { panelText } from "./panel.text";
import { usePeople } from "./people";

export function AssignDialog({
  incident,
  onClose,
  onChange,
}: {
  incident: Incident;
  onClose: () => void;
  onChange: (next: Incident | undefined) => void;
}) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const assign = useMutation(IncidentService.method.assignIncident, {
    onSuccess: (answer) => {
      toast(text.assigned);
      onChange(answer.incident);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    assign.mutate({
      incidentId: incident.incidentId,
      assigneeId: String(form.get("person") ?? ""),
      team: String(form.get("team") ?? "").trim(),
      etag: incident.etag,
    });
  };
  return (
    <Dialog title={text.assign} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <PersonSelect name="person" defaultValue={incident.assigneeId} />
        <TextField
          label={dispatch.team}
          name="team"
          maxLength={80}
          defaultValue={incident.team}
          hint={text.teamHint}
        />
        {assign.error && <ProblemNotice error={assign.error} />}
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

/** Whom work can be given to. */
export function PersonSelect({ name, defaultValue }: { name: string; defaultValue?: string }) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const people = usePeople();
  const groups = [
    [text.patrols, people.patrols],
    [text.dispatchers, people.dispatchers],
  ] as const;
  return (
    // The key: a default value counts only when its option is there.
    <Select
      label={dispatch.assignee}
      name={name}
      defaultValue={defaultValue}
      key={`${people.patrols.length}, ${people.dispatchers.length}`}
    >
      <option value="">{text.noPerson}</option>
      {groups.map(([label, members]) => (
        <optgroup key={label} label={label}>
          {members.map((person) => (
            <option key={person.userId} value={person.userId}>
              {person.displayName}
            </option>
          ))}
        </optgroup>
      ))}
    </Select>
  );
}
