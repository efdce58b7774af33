// What the roads say might be an incident: jams that nothing explains, detectors that fail together.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { type FormEvent, useState } from "react";
import type { Incident } from "~/gen/kvartal/incident/v1/incident_pb.js";
import {
  type Suggestion,
  SuggestionKind,
  SuggestionService,
  SuggestionStatus,
} from "~/gen/kvartal/incident/v1/suggestion_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Ago, Button, Dialog, ProblemNotice, TextArea, toastError } from "~/kit";
import { isAbsent } from "~/platform/query";
import { dispatchText } from "./dispatch.text";
import { suggestionsText } from "./suggestions.text";

/** No stream tells of suggestions; they are made once in five minutes. */
const AGAIN_MS = 15_000;
const MOST = 20;

export function Suggestions({ onAccepted }: { onAccepted: (incident: Incident) => void }) {
  const text = useText(suggestionsText);
  const open = useQuery(
    SuggestionService.method.listSuggestions,
    { status: SuggestionStatus.OPEN, pageSize: MOST },
    { refetchInterval: AGAIN_MS },
  );
  const [dismissed, setDismissed] = useState<Suggestion>();
  const accept = useMutation(SuggestionService.method.acceptSuggestion, {
    onSuccess: ({ incident }) => {
      open.refetch();
      if (incident) onAccepted(incident);
    },
    onError: (error) => {
      open.refetch();
      toastError(error);
    },
  });
  if (open.error && !isAbsent(open.error))
    return <ProblemNotice error={open.error} onRetry={() => open.refetch()} />;
  const suggestions = open.data?.suggestions ?? [];
  if (suggestions.length === 0) return null;
  return (
    <section className="suggestions" aria-label={text.title}>
      <h2>{text.title}</h2>
      <ul>
        {suggestions.map((suggestion) => (
          <li key={suggestion.suggestionId}>
            <p>
              <strong>{titleOf(suggestion, text)}</strong>
              <span className="hint block">
                <Seen suggestion={suggestion} />
              </span>
            </p>
            <Button
              look="primary"
              busy={accept.isPending}
              onClick={() => {
                const { suggestionId, etag } = suggestion;
                accept.mutate({ suggestionId, etag, title: titleOf(suggestion, text) });
              }}
            >
              {text.accept}
            </Button>
            <Button look="quiet" onClick={() => setDismissed(suggestion)}>
              {text.dismiss}
            </Button>
          </li>
        ))}
      </ul>
      {dismissed && (
        <DismissDialog
          suggestion={dismissed}
          onClose={() => {
            setDismissed(undefined);
            open.refetch();
          }}
        />
      )}
    </section>
  );
}

function Seen({ suggestion }: { suggestion: Suggestion }) {
  const text = useText(suggestionsText);
  const format = useFormat();
  const { kind, queueLengthM, traffic, createTime } = suggestion;
  return (
    <>
      {kind === SuggestionKind.JAM
        ? text.queue(format.distance(queueLengthM))
        : text.detectors(traffic?.detectorIds.length ?? 0)}
      {", "}
      <Ago time={createTime} />
    </>
  );
}

function DismissDialog({ suggestion, onClose }: { suggestion: Suggestion; onClose: () => void }) {
  const text = useText(suggestionsText);
  const dispatch = useText(dispatchText);
  const dismiss = useMutation(SuggestionService.method.dismissSuggestion, { onSuccess: onClose });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason")).trim();
    dismiss.mutate({ suggestionId: suggestion.suggestionId, etag: suggestion.etag, reason });
  };
  return (
    <Dialog title={text.dismissOf(titleOf(suggestion, text))} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextArea label={text.reason} name="reason" required maxLength={500} />
        <p className="hint">{text.reasonHint}</p>
        {dismiss.error && <ProblemNotice error={dismiss.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={dismiss.isPending}>
            {text.dismiss}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** How it is called here, and as an incident: at most as long as a title may be. */
function titleOf({ kind, displayName }: Suggestion, text: (typeof suggestionsText)["en"]): string {
  return (kind === SuggestionKind.JAM ? text.jam(displayName) : text.failed(displayName)).slice(0, 200);
}
