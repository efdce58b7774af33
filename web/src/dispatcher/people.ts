// Who works here, by id: for names in lists and for giving work out.
import { useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { type Colleague, IdentityService } from "~/gen/kvartal/identity/v1/identity_pb.js";

const MINUTE_MS = 60_000;

export interface People {
  readonly dispatchers: readonly Colleague[];
  readonly patrols: readonly Colleague[];
  /** The name of somebody who works here; `undefined` for everybody else. */
  name(userId: string): string | undefined;
}

export function usePeople(): People {
  const options = { staleTime: MINUTE_MS };
  const method = IdentityService.method.listColleagues;
  const dispatchers = useQuery(method, { role: Role.DISPATCHER, pageSize: 200 }, options).data?.colleagues;
  const patrols = useQuery(method, { role: Role.PATROL, pageSize: 200 }, options).data?.colleagues;
  return useMemo(() => {
    const all = [...(dispatchers ?? []), ...(patrols ?? [])];
    const names = new Map(all.map(({ userId, displayName }) => [userId, displayName]));
    return { dispatchers: dispatchers ?? [], patrols: patrols ?? [], name: (userId) => names.get(userId) };
  }, [dispatchers, patrols]);
}
