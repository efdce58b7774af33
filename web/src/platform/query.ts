// What is kept of answers: short, because streams say what changes.
import { Code, ConnectError } from "@connectrpc/connect";
import { QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { getSession, subscribeSession } from "./session";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 10_000, retry: false, refetchOnWindowFocus: "always" },
    mutations: { retry: false },
  },
});

// What one account may see is not for the next.
let user = getSession()?.user.userId;
subscribeSession(() => {
  const next = getSession()?.user.userId;
  if (next !== user) {
    user = next;
    queryClient.clear();
  }
});

/** Whether there is no such thing, as opposed to any other failure. */
export function isNotFound(error: unknown): boolean {
  return error !== null && ConnectError.from(error).code === Code.NotFound;
}

/** Whether this installation does not run what was asked for, as opposed to any failure. */
export function isAbsent(error: unknown): boolean {
  return error !== null && error !== undefined && ConnectError.from(error).code === Code.Unimplemented;
}

interface Pages {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly isFetchNextPageError: boolean;
  readonly fetchNextPage: () => unknown;
}

/** Reads page after page until there is none, or until one cannot be read. */
export function useAllPages(query: Pages, enabled = true): void {
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = query;
  const more = enabled && hasNextPage && !isFetchingNextPage && !isFetchNextPageError;
  useEffect(() => {
    if (more) fetchNextPage();
  }, [more, fetchNextPage]);
}
