// Hides a report from the public, or shows it again, with the reason.
import { useMutation } from "@connectrpc/connect-query";
import type { FormEvent } from "react";
import { type Report, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, ProblemNotice, TextArea, toast } from "~/kit";
import { dispatchText } from "./dispatch.text";
import { panelText } from "./panel.text";

export function ModerateDialog({
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
  const moderate = useMutation(ReportService.method.moderateReport, {
    onSuccess: (answer) => {
      toast(text.moderated);
      onChange(answer.report);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason")).trim();
    moderate.mutate({ reportId: report.reportId, hidden: !report.hidden, reason });
  };
  return (
    <Dialog title={report.hidden ? text.show : text.hide} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextArea label={text.hideTitle} name="reason" required minLength={3} maxLength={1000} />
        {moderate.error && <ProblemNotice error={moderate.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look={report.hidden ? "primary" : "danger"} type="submit" busy={moderate.isPending}>
            {report.hidden ? text.show : text.hide}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
