// Changes what is known about an incident.
import { useMutation } from "@connectrpc/connect-query";
import type { FormEvent } from "react";
import { incidentText } from "~/domain/incidents";
import {
  type Incident,
  IncidentKind,
  IncidentService,
  Priority,
} from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, ProblemNotice, Select, TextArea, TextField, toast } from "~/kit";
import { numbersOf } from "./boardSearch";
import { dispatchText } from "./dispatch.text";
import { panelText } from "./panel.text";

export function EditDialog({
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
  const words = useText(incidentText);
  const update = useMutation(IncidentService.method.updateIncident, {
    onSuccess: (answer) => {
      toast(text.saved);
      onChange(answer.incident);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "").trim();
    update.mutate({
      incidentId: incident.incidentId,
      kind: Number(value("kind")),
      priority: Number(value("priority")),
      title: value("title"),
      description: value("description"),
      updateMask: { paths: ["kind", "priority", "title", "description"] },
      etag: incident.etag,
    });
  };
  return (
    <Dialog title={text.edit} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField label={text.title} name="title" required maxLength={200} defaultValue={incident.title} />
        <Select label={dispatch.kind} name="kind" defaultValue={incident.kind}>
          {numbersOf<IncidentKind>(IncidentKind).map((kind) => (
            <option key={kind} value={kind}>
              {words.kind[kind]}
            </option>
          ))}
        </Select>
        <Select label={text.priority} name="priority" defaultValue={incident.priority}>
          {numbersOf<Priority>(Priority).map((priority) => (
            <option key={priority} value={priority}>
              {words.priority[priority]}
            </option>
          ))}
        </Select>
        <TextArea
          label={text.description}
          name="description"
          maxLength={4000}
          defaultValue={incident.description}
        />
        {update.error && <ProblemNotice error={update.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={update.isPending}>
            {dispatch.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
