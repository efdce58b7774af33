// Prepared answers to reports.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { incidentText, reportTone } from "~/domain/incidents";
import { type AnswerTemplate, ReportService, ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { defineText, useText } from "~/i18n/text";
import {
  Badge,
  Button,
  Card,
  type Column,
  Dialog,
  Listing,
  Page,
  ProblemNotice,
  Select,
  TextArea,
  TextField,
  toast,
  toastError,
} from "~/kit";
import { uuid } from "~/platform/transport";
import { dispatchText } from "./dispatch.text";

const templatesText = defineText({
  en: {
    lead: "What dispatchers answer again and again. An answer is filled in from here and can be changed before it is sent.",
    add: "Prepare an answer",
    edit: "Change",
    title: "Title",
    text: "Text, for everyone to read",
    status: "Status it goes with",
    empty: "No answer is prepared",
    saved: "Saved",
    removed: "Deleted",
  },
  ru: {
    lead: "То, что диспетчеры отвечают снова и снова. Ответ подставляется отсюда, и его можно изменить до отправки.",
    add: "Подготовить ответ",
    edit: "Изменить",
    title: "Название",
    text: "Текст, который прочтут все",
    status: "Статус, с которым он идёт",
    empty: "Готовых ответов нет",
    saved: "Сохранено",
    removed: "Удалено",
  },
});

/** What a prepared answer can go with. */
const STATUSES = [
  ReportStatus.ACCEPTED,
  ReportStatus.IN_PROGRESS,
  ReportStatus.FIXED,
  ReportStatus.CLOSED,
  ReportStatus.REJECTED,
];

export function TemplatesPage() {
  const text = useText(templatesText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const feed = useQuery(ReportService.method.listAnswerTemplates, {});
  const [edited, setEdited] = useState<AnswerTemplate | "new">();
  const remove = useMutation(ReportService.method.deleteAnswerTemplate, {
    onSuccess: () => {
      toast(text.removed);
      feed.refetch();
    },
    onError: toastError,
  });
  const columns: readonly Column<AnswerTemplate>[] = [
    { key: "title", head: text.title, cell: (template) => <strong>{template.title}</strong> },
    {
      key: "status",
      head: text.status,
      cell: ({ status }) => <Badge tone={reportTone[status]}>{words.reportStatus[status]}</Badge>,
    },
    { key: "text", head: text.text, cell: (template) => template.text },
    {
      key: "actions",
      head: text.edit,
      quietHead: true,
      cell: (template) => (
        <div className="row nowrap">
          <Button icon={<Pencil aria-hidden="true" />} iconOnly onClick={() => setEdited(template)}>
            {`${text.edit}: ${template.title}`}
          </Button>
          <Button
            icon={<Trash2 aria-hidden="true" />}
            iconOnly
            look="danger"
            busy={remove.isPending && remove.variables?.templateId === template.templateId}
            onClick={() => remove.mutate({ templateId: template.templateId })}
          >
            {`${dispatch.remove}: ${template.title}`}
          </Button>
        </div>
      ),
    },
  ];
  return (
    <Page
      title={dispatch.templates}
      lead={text.lead}
      actions={
        <Button look="primary" icon={<Plus aria-hidden="true" />} onClick={() => setEdited("new")}>
          {text.add}
        </Button>
      }
    >
      <Card>
        <Listing
          feed={feed}
          caption={dispatch.templates}
          columns={columns}
          rows={feed.data?.templates ?? []}
          rowKey={(template) => template.templateId}
          empty={text.empty}
        />
      </Card>
      {edited && (
        <TemplateForm
          template={edited === "new" ? undefined : edited}
          onClose={() => {
            setEdited(undefined);
            feed.refetch();
          }}
        />
      )}
    </Page>
  );
}

function TemplateForm({ template, onClose }: { template: AnswerTemplate | undefined; onClose: () => void }) {
  const text = useText(templatesText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const [templateId] = useState(() => template?.templateId ?? uuid());
  const put = useMutation(ReportService.method.putAnswerTemplate, {
    onSuccess: () => {
      toast(text.saved);
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "").trim();
    put.mutate({ templateId, title: value("title"), text: value("text"), status: Number(value("status")) });
  };
  return (
    <Dialog title={template ? text.edit : text.add} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField label={text.title} name="title" required maxLength={120} defaultValue={template?.title} />
        <Select label={text.status} name="status" defaultValue={template?.status ?? ReportStatus.ACCEPTED}>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {words.reportStatus[status]}
            </option>
          ))}
        </Select>
        <TextArea
          label={text.text}
          name="text"
          required
          maxLength={4000}
          rows={6}
          defaultValue={template?.text}
        />
        {put.error && <ProblemNotice error={put.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={put.isPending}>
            {dispatch.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
