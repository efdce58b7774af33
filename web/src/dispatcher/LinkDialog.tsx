// Ties a report to an incident, or makes one of it.
import { useMutation } from "@connectrpc/connect-query";
import { type FormEvent, useState } from "react";
import { incidentText } from "~/domain/incidents";
import { IncidentKind, Priority } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { type Report, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, ProblemNotice, Select, toast } from "~/kit";
import { numbersOf } from "./boardSearch";
import { dispatchText } from "./dispatch.text";
import { panelText } from "./panel.text";
import { useOpenIncidents } from "./useOpenIncidents";

export function LinkDialog({
  report,
  onClose,
  onChange,
}: {
  report: Report;
  onClose: () => void;
  onChange: (next: Report | undefined) => void;
}) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const incidents = useOpenIncidents();
  const [into, setInto] = useState("");
  const link = useMutation(ReportService.method.linkReport, {
    onSuccess: (answer) => {
      toast(text.linked);
      onChange(answer.report);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const fresh =
      into === "" ? { kind: Number(form.get("kind")), priority: Number(form.get("priority")) } : {};
    link.mutate({ reportId: report.reportId, incidentId: into, ...fresh });
  };
  return (
    <Dialog title={text.linkTitle} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <Select label={text.incident} value={into} onChange={(event) => setInto(event.target.value)}>
          <option value="">{text.linkNew}</option>
          {incidents.map((incident) => (
            <option key={incident.incidentId} value={incident.incidentId}>
              {`${incident.title} (${words.incidentStatus[incident.status]})`}
            </option>
          ))}
        </Select>
        {into === "" && (
          <>
            <Select label={text.linkKind} name="kind" defaultValue={IncidentKind.INFRASTRUCTURE}>
              {numbersOf<IncidentKind>(IncidentKind).map((kind) => (
                <option key={kind} value={kind}>
                  {words.kind[kind]}
                </option>
              ))}
            </Select>
            <Select label={text.priority} name="priority" defaultValue={Priority.NORMAL}>
              {numbersOf<Priority>(Priority).map((priority) => (
                <option key={priority} value={priority}>
                  {words.priority[priority]}
                </option>
              ))}
            </Select>
          </>
        )}
        {link.error && <ProblemNotice error={link.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={link.isPending}>
            {text.link}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
