// Answers one report or several at once, from a prepared answer or by hand.
import { createClient } from "@connectrpc/connect";
import { useQuery } from "@connectrpc/connect-query";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { incidentText } from "~/domain/incidents";
import { type Report, ReportService, ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, ProblemNotice, Select, TextArea, TextField, toast } from "~/kit";
import { transport } from "~/platform/transport";
import { eachOf } from "./bulk";
import { dispatchText } from "./dispatch.text";
import { Failures } from "./Failures";
import { REPORT_MOVES } from "./moves";
import { panelText } from "./panel.text";

interface Word {
  status: ReportStatus;
  answer: string;
  duplicateOf: string;
}

export function AnswerDialog({
  reports,
  onClose,
  onChange,
  onKeep,
}: {
  reports: readonly Report[];
  onClose: () => void;
  /** Called for every report that was answered. */
  onChange: (next: Report | undefined) => void;
  /** Called with those that were not. */
  onKeep?: (reports: readonly Report[]) => void;
}) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const templates =
    useQuery(ReportService.method.listAnswerTemplates, {}, { staleTime: 60_000 }).data?.templates ?? [];
  const own = reports.length === 1 ? reports[0] : undefined;
  const possible = commonMoves(reports);
  const [status, setStatus] = useState<ReportStatus>(possible[0] ?? ReportStatus.ACCEPTED);
  const [answer, setAnswer] = useState("");
  const send = useMutation({
    mutationFn: (word: Word) => answerAll(reports, word),
    onSuccess: ({ done, failed }) => {
      for (const report of done) onChange(report);
      if (done.length > 0) toast(own ? text.answered : dispatch.changed(done.length));
      onKeep?.(failed.map(({ item }) => item));
      if (failed.length === 0) onClose();
    },
  });
  const take = (id: string) => {
    const template = templates.find((each) => each.templateId === id);
    if (!template) return;
    setAnswer(template.text);
    if (possible.includes(template.status)) setStatus(template.status);
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const repeats = String(new FormData(event.currentTarget).get("duplicate") ?? "").trim();
    send.mutate({ status, answer, duplicateOf: status === ReportStatus.DUPLICATE ? repeats : "" });
  };
  return (
    <Dialog title={text.answerTitle} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        {!own && <p className="soft">{dispatch.chosen(reports.length)}</p>}
        <Select label={text.template} defaultValue="" onChange={(event) => take(event.target.value)}>
          <option value="">{text.noTemplate}</option>
          {templates.map((template) => (
            <option key={template.templateId} value={template.templateId}>
              {template.title}
            </option>
          ))}
        </Select>
        <Select
          label={text.newStatus}
          value={status}
          onChange={(event) => setStatus(Number(event.target.value))}
        >
          {possible.map((each) => (
            <option key={each} value={each}>
              {each === own?.status ? text.keepStatus(words.reportStatus[each]) : words.reportStatus[each]}
            </option>
          ))}
        </Select>
        {status === ReportStatus.DUPLICATE && (
          <TextField label={text.duplicateOf} name="duplicate" required />
        )}
        <TextArea
          label={text.answerText}
          value={answer}
          maxLength={4000}
          rows={5}
          required={status === ReportStatus.REJECTED || status === own?.status}
          onChange={(event) => setAnswer(event.target.value)}
        />
        {send.error && <ProblemNotice error={send.error} />}
        <Failures failed={send.data?.failed ?? []} />
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={send.isPending} disabled={possible.length === 0}>
            {text.answer}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Where all of them can go; one alone can stay where it is, with an answer. */
function commonMoves(reports: readonly Report[]): readonly ReportStatus[] {
  const [first, ...rest] = reports;
  if (!first) return [];
  const common = REPORT_MOVES[first.status].filter((to) =>
    rest.every((other) => REPORT_MOVES[other.status].includes(to)),
  );
  return rest.length === 0 && isOpen(first.status) ? [...common, first.status] : common;
}

function isOpen(status: ReportStatus): boolean {
  return [ReportStatus.RECEIVED, ReportStatus.ACCEPTED, ReportStatus.IN_PROGRESS].includes(status);
}

async function answerAll(reports: readonly Report[], { status, answer, duplicateOf }: Word) {
  const client = createClient(ReportService, transport);
  // People know numbers, the service wants ids.
  const original =
    duplicateOf === "" ? "" : ((await client.getReport({ report: duplicateOf })).report?.reportId ?? "");
  return await eachOf(reports, async ({ reportId, etag }) => {
    const { report } = await client.answerReport({ reportId, status, answer, duplicateOf: original, etag });
    return report;
  });
}
