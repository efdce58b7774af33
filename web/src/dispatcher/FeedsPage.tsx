// Reads a WZDx work-zone feed: first what it would do, then doing it.
import { useMutation } from "@connectrpc/connect-query";
import { FileSearch, Upload } from "lucide-react";
import { type FormEvent, useRef } from "react";
import { type ImportWorkZonesResponse, IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useFormat } from "~/i18n/format";
import { defineText, useText } from "~/i18n/text";
import { Button, Card, Notice, Page, ProblemNotice, Stat, TextField, toastError } from "~/kit";
import { useExplain } from "~/platform/errors";
import { dispatchText } from "./dispatch.text";

const feedsText = defineText({
  en: {
    lead: "A WZDx 4.2 feed becomes incidents: new road events are logged, known ones updated, those gone closed. A feed with an error is refused as a whole.",
    source: "Name of the feed",
    sourceHint: "Letters, digits and . _ : / -; road events are known by it and their own id",
    file: "File (GeoJSON, at most 4 MB)",
    check: "Check only",
    read: "Read it",
    wouldBe: "What it would do",
    done: "What it did",
    created: "New",
    updated: "Changed",
    unchanged: "Unchanged",
    closed: "Closed",
    warnings: "Allowed, but odd",
    errors: "What is wrong with it",
    more: (count: number) => `and ${count} more`,
  },
  ru: {
    lead: "Лента WZDx 4.2 становится инцидентами: новые события заводятся, известные обновляются, исчезнувшие закрываются. Лента с ошибкой не принимается целиком.",
    source: "Имя ленты",
    sourceHint: "Латинские буквы, цифры и . _ : / -; по нему и по своему номеру узнаются события",
    file: "Файл (GeoJSON, до 4 МБ)",
    check: "Только проверить",
    read: "Принять",
    wouldBe: "Что изменилось бы",
    done: "Что изменилось",
    created: "Новых",
    updated: "Изменено",
    unchanged: "Без изменений",
    closed: "Закрыто",
    warnings: "Допустимо, но странно",
    errors: "Что в ней не так",
    more: (count) => `и ещё ${count}`,
  },
});

const SHOWN = 50;

export function FeedsPage() {
  const text = useText(feedsText);
  const dispatch = useText(dispatchText);
  const form = useRef<HTMLFormElement>(null);
  const read = useMutation(IncidentService.method.importWorkZones);
  const send = async (validateOnly: boolean) => {
    if (!form.current?.reportValidity()) return;
    const data = new FormData(form.current);
    const file = data.get("file");
    if (!(file instanceof File)) return;
    try {
      const content = new Uint8Array(await file.arrayBuffer());
      read.mutate({ source: String(data.get("source")).trim(), content, validateOnly });
    } catch (error) {
      // It was changed or taken away since it was chosen.
      toastError(error);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send(true);
  };
  return (
    <Page title={dispatch.feeds} lead={text.lead} width="normal">
      <Card>
        <form ref={form} className="stack" onSubmit={submit}>
          <TextField
            label={text.source}
            name="source"
            required
            maxLength={200}
            pattern="[A-Za-z0-9._:\/\-]+"
            hint={text.sourceHint}
          />
          <TextField
            label={text.file}
            name="file"
            type="file"
            required
            accept=".json,.geojson,application/geo+json"
          />
          <div className="row">
            <Button type="submit" icon={<FileSearch aria-hidden="true" />} busy={read.isPending}>
              {text.check}
            </Button>
            <Button
              look="primary"
              icon={<Upload aria-hidden="true" />}
              busy={read.isPending}
              onClick={() => send(false)}
            >
              {text.read}
            </Button>
          </div>
        </form>
      </Card>
      {read.error && <Refusal error={read.error} />}
      {read.data && (
        <Result result={read.data} title={read.variables?.validateOnly ? text.wouldBe : text.done} />
      )}
    </Page>
  );
}

function Refusal({ error }: { error: unknown }) {
  const text = useText(feedsText);
  const { violations } = useExplain()(error);
  return (
    <>
      <ProblemNotice error={error} />
      {violations.length > 0 && (
        <Card title={text.errors}>
          <Places lines={violations} />
        </Card>
      )}
    </>
  );
}

function Result({ result, title }: { result: ImportWorkZonesResponse; title: string }) {
  const text = useText(feedsText);
  const format = useFormat();
  const counts = [
    [text.created, result.createdCount],
    [text.updated, result.updatedCount],
    [text.unchanged, result.unchangedCount],
    [text.closed, result.closedCount],
  ] as const;
  return (
    <Card title={title}>
      <Notice tone="good">
        <div className="counts">
          {counts.map(([label, count]) => (
            <Stat key={label} label={label} value={format.number(count)} />
          ))}
        </div>
      </Notice>
      {result.warnings.length > 0 && (
        <section className="stack">
          <h3>{text.warnings}</h3>
          <Places lines={result.warnings.map(({ path, message }) => [path, message])} />
        </section>
      )}
    </Card>
  );
}

function Places({ lines }: { lines: readonly (readonly [path: string, message: string])[] }) {
  const text = useText(feedsText);
  return (
    <ul className="list">
      {lines.slice(0, SHOWN).map(([path, message]) => (
        <li key={path + message}>
          <code>{path}</code>
          <br />
          {message}
        </li>
      ))}
      {lines.length > SHOWN && <li className="soft">{text.more(lines.length - SHOWN)}</li>}
    </ul>
  );
}
