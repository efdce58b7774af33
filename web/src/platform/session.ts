// Who is signed in on this device. Kept in localStorage, so that every tab knows at once; a refresh token works only
// once, so one tab at a time refreshes and the others take over what it got.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { useSyncExternalStore } from "react";
import type { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import type { TokenPair, User } from "~/gen/kvartal/identity/v1/identity_pb.js";

export interface Session {
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly accessExpires: number;
  readonly refreshToken: string;
  readonly user: Person;
}

/** What the page needs to know of the signed-in user between calls. */
export interface Person {
  readonly userId: string;
  readonly displayName: string;
  readonly email: string;
  readonly roles: readonly Role[];
}

const KEY = "kvartal.session";
/** Refresh this long before the token expires: clocks differ, calls take time. */
const EARLY_MS = 30_000;
const listeners = new Set<() => void>();
let current = read();

/** Its messages are no part of the first page: whoever is not signed in does not need them there. */
const identity = () => import("~/gen/kvartal/identity/v1/identity_pb.js");
if (current) identity().catch(() => {});

addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) {
    current = read();
    for (const tell of listeners) tell();
  }
});

function read(): Session | undefined {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

function write(session: Session | undefined): void {
  current = session;
  if (session) localStorage.setItem(KEY, JSON.stringify(session));
  else localStorage.removeItem(KEY);
  for (const tell of listeners) tell();
}

export function getSession(): Session | undefined {
  return current;
}

/** Follows sign-in, sign-out and changes of the profile, in this tab and in others. */
export function subscribeSession(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

export function useSession(): Session | undefined {
  return useSyncExternalStore(subscribeSession, getSession);
}

/** Whether the signed-in user holds at least one of the roles; nobody holds none. */
export function useHasRole(...roles: readonly Role[]): boolean {
  return hasRole(useSession(), roles);
}

export function hasRole(session: Session | undefined, roles: readonly Role[]): boolean {
  return roles.some((role) => session?.user.roles.includes(role) ?? false);
}

export function startSession(tokens: TokenPair, user: User): void {
  write(withTokens(tokens, person(user)));
}

/** The profile has changed. */
export function updatePerson(user: User): void {
  if (current) write({ ...current, user: person(user) });
}

/** The token was refused though it has not expired: roles have changed, say. The next call gets another. */
export function distrustToken(): void {
  if (current) write({ ...current, accessExpires: 0 });
}

export function endSession(): void {
  write(undefined);
}

function person({ userId, displayName, email, roles }: User): Person {
  return { userId, displayName, email, roles };
}

function withTokens(tokens: TokenPair, user: Person): Session {
  return {
    accessToken: tokens.accessToken,
    accessExpires: tokens.accessExpireTime ? timestampMs(tokens.accessExpireTime) : 0,
    refreshToken: tokens.refreshToken,
    user,
  };
}

let refreshing: Promise<string | undefined> | undefined;

/** A token that is good for a while; `undefined` when nobody is signed in. `rejected` is a token that was refused. */
export function freshToken(transport: Transport, rejected?: string): Promise<string | undefined> {
  const good = usable(rejected);
  if (good || !current) return Promise.resolve(good);
  refreshing ??= alone(() => refresh(transport, rejected)).finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}

function usable(rejected?: string): string | undefined {
  if (!current || current.accessToken === rejected) return undefined;
  return current.accessExpires - EARLY_MS > Date.now() ? current.accessToken : undefined;
}

async function refresh(transport: Transport, rejected?: string): Promise<string | undefined> {
  // Another tab may have been faster while this one waited for its turn.
  current = read();
  const known = usable(rejected);
  if (known || !current) return known;
  const { refreshToken, user } = current;
  try {
    const { IdentityService } = await identity().catch(unreachable);
    const { tokens } = await createClient(IdentityService, transport).refreshSession({ refreshToken });
    // Meanwhile somebody may have signed out, or in anew: then these tokens are nobody's.
    if (!isSame(refreshToken)) return usable(rejected);
    if (!tokens) return undefined;
    write(withTokens(tokens, current?.user ?? user));
    return tokens.accessToken;
  } catch (error) {
    // Only a refusal ends the session; without a network it is still there.
    if (ConnectError.from(error).code !== Code.Unauthenticated) throw error;
    if (isSame(refreshToken)) write(undefined);
    return usable(rejected);
  }
}

function unreachable(cause: unknown): never {
  throw new ConnectError("the platform cannot be reached", Code.Unavailable, undefined, undefined, cause);
}

function isSame(refreshToken: string): boolean {
  current = read();
  return current?.refreshToken === refreshToken;
}

/** One tab at a time. Without locks, which browsers offer to secure origins only, tabs may be in each other's way. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request("kvartal.refresh", work) : await work();
}
