// What is shown: cards, badges, notices, times, and how it looks while there is nothing to show.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type ReactNode, useState } from "react";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { useExplain } from "~/platform/errors";
import { Button } from "./controls";
import { copy } from "./copy";
import { kitText } from "./kit.text";
import { useNow } from "./useNow";

export type Tone = "neutral" | "info" | "good" | "warn" | "danger";

/** A surface with an optional heading. */
export function Card({
  title,
  actions,
  children,
  className = "",
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`card ${className}`}>
      {title !== undefined && (
        <header className="card-head">
          <h2>{title}</h2>
          {actions}
        </header>
      )}
      {children}
    </section>
  );
}

/** A short word with a colour; the word says it, the colour repeats it. */
export function Badge({ tone = "neutral", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge tone-${tone}`}>{children}</span>;
}

/** A message on the page. Bad news is told at once to those who hear the page. */
export function Notice({
  tone = "info",
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children?: ReactNode;
}) {
  return (
    <div className={`notice tone-${tone}`} role={tone === "danger" ? "alert" : "status"}>
      {title && <strong>{title}</strong>}
      {children}
    </div>
  );
}

/** What went wrong, what to do about it, and the number to tell. */
export function ProblemNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const explain = useExplain();
  const text = useText(kitText);
  const problem = explain(error);
  return (
    <Notice tone="danger" title={problem.message}>
      <p>{problem.nextStep}</p>
      <div className="row">
        {onRetry && <Button onClick={onRetry}>{text.tryAgain}</Button>}
        {problem.traceId && <TraceId id={problem.traceId} />}
      </div>
    </Notice>
  );
}

function TraceId({ id }: { id: string }) {
  const text = useText(kitText);
  const [copied, setCopied] = useState(false);
  return (
    <span className="trace">
      {text.traceId}
      {": "}
      <code title={id}>{id.slice(0, 8)}</code>
      <Button look="quiet" onClick={async () => setCopied(await copy(id))}>
        {copied ? text.copied : text.copy}
      </Button>
    </span>
  );
}

/** There is nothing, and that is all right. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p>
        <strong>{title}</strong>
      </p>
      {children}
    </div>
  );
}

/** Holds the place of what is being loaded. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  const text = useText(kitText);
  return (
    <div className="skeleton" role="status">
      <span className="unseen">{text.loading}</span>
      {Array.from({ length: lines }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <span key={index} className="skeleton-line" />
      ))}
    </div>
  );
}

/** `5 minutes ago`, exact on hover; it moves by itself. */
export function Ago({ time }: { time: Timestamp | Date | undefined }) {
  const format = useFormat();
  const now = useNow();
  if (!time) return null;
  const date = time instanceof Date ? time : timestampDate(time);
  return (
    <time dateTime={date.toISOString()} title={format.dateTime(date)}>
      {format.ago(date, now)}
    </time>
  );
}

/** A number with its name. */
export function Stat({ label, value, note }: { label: string; value: ReactNode; note?: ReactNode }) {
  return (
    <div className="stat">
      <span className="stat-label">{label}</span>
      <span className="stat-value">{value}</span>
      {note !== undefined && <span className="hint">{note}</span>}
    </div>
  );
}

/** The button under a list that has more. */
export function More({ shown, busy, onClick }: { shown: boolean; busy: boolean; onClick: () => void }) {
  const text = useText(kitText);
  if (!shown) return null;
  return (
    <p className="more">
      <Button busy={busy} onClick={onClick}>
        {text.more}
      </Button>
    </p>
  );
}
