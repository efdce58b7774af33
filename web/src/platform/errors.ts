// What went wrong, for people: by the platform's reason, with the next step and the trace id.
import type { DescMessage } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "~/gen/google/rpc/error_details_pb.js";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import { errorText } from "./errors.text";

/** An error as the page shows it. */
export interface Problem {
  /** Stable, from the platform's ErrorInfo; the gRPC code's name when there is none. */
  readonly reason: string;
  readonly code: Code;
  /** What happened, in the reader's language. */
  readonly message: string;
  /** What to do about it. */
  readonly nextStep: string;
  /** What is wrong with inputs, in the reader's language, by the field's path in camelCase, such as `place.points`. */
  readonly fields: Readonly<Record<string, string>>;
  /** The same as the platform says it, in English: for files that programs have made. */
  readonly violations: readonly (readonly [path: string, description: string])[];
  readonly traceId: string | undefined;
}

const traces = new WeakMap<object, string>();

/** Remembers under which trace an error happened. */
export function annotate(error: ConnectError, traceId: string): ConnectError {
  if (!traces.has(error)) traces.set(error, traceId);
  return error;
}

export function reasonOf(error: unknown): string {
  const cause = ConnectError.from(error);
  return detail(cause, ErrorInfoSchema)?.reason || Code[cause.code];
}

export function retryDelayMs(error: ConnectError): number | undefined {
  const delay = detail(error, RetryInfoSchema)?.retryDelay;
  return delay && durationMs(delay);
}

function detail<T extends DescMessage>(error: ConnectError, schema: T) {
  return error.findDetails(schema)[0];
}

/** Explains errors in the language of the page. */
export function useExplain(): (error: unknown) => Problem {
  const text = useText(errorText);
  const locale = useLocale();
  return (error) => {
    const cause = ConnectError.from(error);
    const reason = reasonOf(error);
    const violations = (detail(cause, BadRequestSchema)?.fieldViolations ?? []).map(
      ({ field, description }) => [camelPath(field), description] as const,
    );
    const words = ([path, description]: (typeof violations)[number]) =>
      [path, locale === "en" ? description : text.field] as const;
    const known = text.reasons[reason] ?? text.codes[cause.code] ?? text.codes[Code.Unknown];
    return {
      reason,
      code: cause.code,
      message: known?.[0] ?? "",
      nextStep: known?.[1] ?? "",
      fields: Object.fromEntries(violations.map(words)),
      violations,
      traceId: traces.get(cause),
    };
  };
}

function camelPath(path: string): string {
  return path.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
