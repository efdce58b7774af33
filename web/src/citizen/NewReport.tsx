// Reporting a problem: photo, place, category, send. Everything is kept on the device until the platform has it.
import "./citizen.css";
import { Link } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useCategories } from "~/domain/catalogue";
import type { Report } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Button, Card, Checkbox, Notice, Page, ProblemNotice, Skeleton, TextArea, TextField } from "~/kit";
import { useSession } from "~/platform/session";
import { CategoryStep } from "./CategoryStep";
import { Duplicates } from "./Duplicates";
import { type Draft, emptyDraft, isEmpty, loadDraft, saveDraft, send } from "./draft";
import { enqueue, isForLater } from "./outbox";
import { PhotoStep } from "./PhotoStep";
import { PlaceStep } from "./PlaceStep";
import { reportText } from "./report.text";

type State =
  | { kind: "writing" }
  | { kind: "sending" }
  | { kind: "refused"; error: unknown }
  | { kind: "waits" }
  | { kind: "sent"; report: Report };

export function NewReport() {
  const text = useText(reportText);
  const [draft, setDraft] = useState<Draft>();
  const [state, setState] = useState<State>({ kind: "writing" });
  const latest = useRef<Draft>(undefined);
  useEffect(() => {
    // Where the browser keeps nothing a report is written all the same.
    loadDraft()
      .catch(emptyDraft)
      .then((kept) => {
        latest.current = kept;
        setDraft(kept);
      });
  }, []);
  const change = (update: (draft: Draft) => Draft) => {
    if (!latest.current) return;
    latest.current = update(latest.current);
    setDraft(latest.current);
    saveDraft(latest.current).catch(() => {});
  };
  const restart = () => {
    change(emptyDraft);
    setState({ kind: "writing" });
  };
  if (state.kind === "sent") return <Thanks report={state.report} onAnother={restart} />;
  if (state.kind === "waits") {
    return (
      <Page title={text.title} width="narrow">
        <Notice tone="warn" title={text.offline} />
        <Button onClick={restart}>{text.another}</Button>
      </Page>
    );
  }
  const submit = async (ready: Draft) => {
    setState({ kind: "sending" });
    const keep = async (draft: Draft) => change(() => draft);
    try {
      const report = await send(ready, keep);
      change(emptyDraft);
      setState({ kind: "sent", report });
    } catch (error) {
      const waits = isForLater(error) && latest.current && { ...latest.current, title: ready.title };
      if (waits && (await keptForLater(waits))) {
        change(emptyDraft);
        setState({ kind: "waits" });
      } else setState({ kind: "refused", error });
    }
  };
  return (
    <Page title={text.title} lead={text.lead} width="narrow">
      {!draft && <Skeleton lines={8} />}
      {draft && (
        <Form
          draft={draft}
          change={change}
          busy={state.kind === "sending"}
          error={state.kind === "refused" ? state.error : undefined}
          onSubmit={submit}
          onDiscard={restart}
        />
      )}
    </Page>
  );
}

/** Keeps the report until there is a network; whether the browser could. */
function keptForLater(draft: Draft): Promise<boolean> {
  return enqueue(draft).then(
    () => true,
    () => false,
  );
}

function Form({
  draft,
  change,
  busy,
  error,
  onSubmit,
  onDiscard,
}: {
  draft: Draft;
  change: (update: (draft: Draft) => Draft) => void;
  busy: boolean;
  error: unknown;
  onSubmit: (draft: Draft) => void;
  onDiscard: () => void;
}) {
  const text = useText(reportText);
  const session = useSession();
  const { categories, name } = useCategories();
  const [tried, setTried] = useState(false);
  const set = (part: Partial<Draft>) => change((known) => ({ ...known, ...part }));
  const questions = categories.find(({ categoryId }) => categoryId === draft.categoryId)?.questions ?? [];
  const unanswered = questions.some(({ key, required }) => required && !draft.answers[key]);
  const missing = [
    !draft.place && text.missingPlace,
    !draft.categoryId && text.missingCategory,
    unanswered && text.missingAnswer,
  ].filter(Boolean);
  const submit = () => {
    setTried(true);
    if (missing.length === 0) onSubmit({ ...draft, title: name(draft.categoryId) });
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <PhotoStep draft={draft} change={change} />
      <PlaceStep place={draft.place} onPlace={(place) => set({ place })} />
      <CategoryStep draft={draft} onChange={set} />
      <Duplicates draft={draft} />
      <Card>
        <TextArea
          label={text.description}
          hint={text.descriptionHint}
          maxLength={4000}
          value={draft.description}
          onChange={(event) => set({ description: event.currentTarget.value })}
        />
        <TextField
          label={text.address}
          hint={text.addressHint}
          maxLength={300}
          value={draft.address}
          onChange={(event) => set({ address: event.currentTarget.value })}
        />
        {session ? (
          <Checkbox
            label={text.anonymous}
            hint={text.anonymousHint}
            checked={draft.anonymous}
            onChange={(event) => set({ anonymous: event.currentTarget.checked })}
          />
        ) : (
          <p className="hint">{text.notSignedIn}</p>
        )}
      </Card>
      {tried && missing.length > 0 && <Notice tone="danger" title={text.submitHint(missing.join(", "))} />}
      {error !== undefined && <ProblemNotice error={error} />}
      <div className="row">
        <Button type="submit" look="primary" busy={busy} icon={<Send aria-hidden="true" />}>
          {text.submit}
        </Button>
        {!isEmpty(draft) && (
          <>
            <Button look="quiet" onClick={onDiscard}>
              {text.discard}
            </Button>
            <span className="hint">{text.draftKept}</span>
          </>
        )}
      </div>
    </form>
  );
}

function Thanks({ report, onAnother }: { report: Report; onAnother: () => void }) {
  const text = useText(reportText);
  const format = useFormat();
  return (
    <Page title={text.thanks} lead={text.thanksLead(report.trackingNumber)} width="narrow">
      {report.answerDueTime && <p>{text.thanksDue(format.date(report.answerDueTime))}</p>}
      <div className="row">
        <Link
          to="/reports/$report"
          params={{ report: report.trackingNumber }}
          className="button button-primary"
        >
          {text.track}
        </Link>
        <Button onClick={onAnother}>{text.another}</Button>
      </div>
    </Page>
  );
}
