// Merges an incident into another: its reports go over one by one, then it is rejected as the same. Each step can be
// repeated, so a merge that was cut off in the middle is finished by merging again.
import { createClient } from "@connectrpc/connect";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { incidentText } from "~/domain/incidents";
import { type Incident, IncidentService, IncidentStatus } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, ProblemNotice, Select, toast } from "~/kit";
import { transport } from "~/platform/transport";
import { dispatchText } from "./dispatch.text";
import { panelText } from "./panel.text";
import { useOpenIncidents } from "./useOpenIncidents";

export function MergeDialog({
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
  const [into, setInto] = useState("");
  const [moved, setMoved] = useState<ReadonlySet<string>>(new Set());
  // A report that was untied when a merge was cut off belongs to neither: the incident does not name it any more.
  const [reportIds, setReportIds] = useState(incident.reportIds);
  const others = useOpenIncidents().filter((other) => other.incidentId !== incident.incidentId);
  const merge = useMutation({
    mutationFn: async (target: Incident) => {
      const remarks = { old: text.mergedInto(target.title), kept: text.mergedFrom(incident.title) };
      const all = [...new Set([...reportIds, ...incident.reportIds])];
      setReportIds(all);
      const rest = all.filter((id) => !moved.has(id));
      return await mergeIncidents(incident, target, rest, remarks, (id) =>
        setMoved((before) => new Set(before).add(id)),
      );
    },
    onSuccess: (closed) => {
      toast(text.merged);
      onChange(closed);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const target = others.find((other) => other.incidentId === into);
    if (target) merge.mutate(target);
  };
  return (
    <Dialog title={text.mergeTitle} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">{text.mergeHint}</p>
        <Select
          label={text.mergeInto}
          required
          value={into}
          onChange={(event) => setInto(event.target.value)}
        >
          <option value="">{text.mergeChoose}</option>
          {others.map((other) => (
            <option key={other.incidentId} value={other.incidentId}>
              {`${other.title} (${words.incidentStatus[other.status]})`}
            </option>
          ))}
        </Select>
        {merge.error && (
          <>
            <ProblemNotice error={merge.error} />
            <p>{text.mergeStopped(moved.size, reportIds.length)}</p>
          </>
        )}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={merge.isPending} disabled={into === ""}>
            {text.merge}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

async function mergeIncidents(
  old: Incident,
  kept: Incident,
  reportIds: readonly string[],
  remarks: { old: string; kept: string },
  onMoved: (reportId: string) => void,
): Promise<Incident | undefined> {
  const incidents = createClient(IncidentService, transport);
  const reports = createClient(ReportService, transport);
  for (const reportId of reportIds) {
    await reports.unlinkReport({ reportId });
    await reports.linkReport({ reportId, incidentId: kept.incidentId });
    onMoved(reportId);
  }
  await incidents.addIncidentComment({ incidentId: kept.incidentId, comment: remarks.kept });
  const { incidentId } = old;
  const answer = await incidents.transitionIncident({
    incidentId,
    status: IncidentStatus.REJECTED,
    comment: remarks.old,
  });
  return answer.incident;
}
