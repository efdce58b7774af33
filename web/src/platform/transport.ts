// How the page calls the platform: gRPC-Web on its own origin, through one chain of interceptors.
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { DEADLINES_MS } from "~/gen/deadlines";
import { getLocale } from "~/i18n/locale";
import { annotate, retryDelayMs } from "./errors";
import { freshToken } from "./session";

/** How long a call may take to which the contract gives no more. Streams have no end. */
const TIMEOUT_MS = 15_000;
const RETRIES = 2;
const IDEMPOTENT = [
  MethodOptions_IdempotencyLevel.IDEMPOTENT,
  MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
];
/** Its messages are no part of the first page; those who need them bring them. */
const IDENTITY = "kvartal.identity.v1.IdentityService";
/** Calls that prove who somebody is cannot need proof. */
const BARE: readonly string[] = ["SignIn", "Register", "RefreshSession", "ResetPassword", "ConfirmEmail"];

const locale: Interceptor = (next) => (request) => {
  request.header.set("accept-language", getLocale());
  return next(request);
};

/** Attaches the token; when it is refused, gets another and tries once more. */
const auth: Interceptor = (next) => async (request) => {
  if (request.service.typeName === IDENTITY && BARE.includes(request.method.name)) {
    return next(request);
  }
  const token = await freshToken(plain);
  if (!token) return next(request);
  request.header.set("authorization", `Bearer ${token}`);
  try {
    return await next(request);
  } catch (error) {
    if (request.stream || ConnectError.from(error).code !== Code.Unauthenticated) throw error;
    const newer = await freshToken(plain, token);
    if (!newer) throw error;
    request.header.set("authorization", `Bearer ${newer}`);
    return next(request);
  }
};

/** Begins a trace; its id stands in what is shown of an error. */
const trace: Interceptor = (next) => async (request) => {
  const traceId = hex(16);
  request.header.set("traceparent", `00-${traceId}-${hex(8)}-01`);
  try {
    return await next(request);
  } catch (error) {
    throw annotate(ConnectError.from(error), traceId);
  }
};

/** Repeats what may be repeated when the platform says that it cannot now. */
const retry: Interceptor = (next) => async (request) => {
  const repeatable = !request.stream && IDEMPOTENT.includes(request.method.idempotency);
  for (let attempt = 0; ; attempt++) {
    try {
      return await next(request);
    } catch (error) {
      const cause = ConnectError.from(error);
      if (!repeatable || attempt >= RETRIES || cause.code !== Code.Unavailable) throw error;
      const delay = Math.max(retryDelayMs(cause) ?? 0, 150 * 2 ** attempt) * (0.75 + Math.random() / 2);
      if (delay > 3000) throw error;
      await new Promise((resolve) => setTimeout(resolve, delay));
      request.signal.throwIfAborted();
    }
  }
};

function hex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (b) =>
    b.toString(16).padStart(2, "0"),
  ).join("");
}

/** A new UUID (version 4), also where `crypto.randomUUID` is not offered: on plain HTTP. */
export function uuid(): string {
  const bytes = hex(16);
  const variant = "89ab"[Number.parseInt(bytes[16] ?? "0", 16) % 4];
  return `${bytes.slice(0, 8)}-${bytes.slice(8, 12)}-4${bytes.slice(13, 16)}-${variant}${bytes.slice(17, 20)}-${bytes.slice(20)}`;
}

/** Without a network there is no gRPC status; to whoever waits it is the same as a platform that cannot answer. */
const reach: typeof fetch = (input, init) =>
  fetch(input, init).catch((cause: unknown) => {
    if (init?.signal?.aborted) throw cause;
    throw new ConnectError("the platform cannot be reached", Code.Unavailable, undefined, undefined, cause);
  });

const options = { baseUrl: location.origin, useBinaryFormat: true, fetch: reach };

/** Without a token: for getting one. */
const plain = withTimeout(createGrpcWebTransport({ ...options, interceptors: [locale, trace] }));

/** What every page calls through. */
export const transport = withTimeout(
  createGrpcWebTransport({ ...options, interceptors: [locale, auth, trace, retry] }),
);

function withTimeout(inner: Transport): Transport {
  return {
    unary: (method, signal, timeout, ...rest) =>
      inner.unary(
        method,
        signal,
        timeout ?? DEADLINES_MS[`/${method.parent.typeName}/${method.name}`] ?? TIMEOUT_MS,
        ...rest,
      ),
    stream: (...call) => inner.stream(...call),
  };
}
