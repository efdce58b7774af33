// Who may see a page. Services decide what anybody may do; this spares people pages that would only refuse them.
import { redirect } from "@tanstack/react-router";
import type { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { getSession, hasRole } from "./session";

/** Thrown by a page whose role the reader does not have. */
export class Forbidden extends Error {
  constructor(readonly roles: readonly Role[]) {
    super("a role is required");
  }
}

interface Place {
  location: { href: string };
}

/** For `beforeLoad`: sends whoever is not signed in to the sign-in page, and back afterwards. */
export function signedIn({ location }: Place): void {
  if (!getSession()) throw redirect({ to: "/sign-in", search: { next: location.href } });
}

/** For `beforeLoad`: one of the roles is needed. */
export function withRole(...roles: readonly Role[]): (place: Place) => void {
  return (place) => {
    signedIn(place);
    if (!hasRole(getSession(), roles)) throw new Forbidden(roles);
  };
}
