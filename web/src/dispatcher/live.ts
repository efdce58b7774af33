// The lists of the board: pages that were read, and what the streams have told since.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { useCallback, useState } from "react";
import { OPEN_INCIDENTS, OPEN_REPORTS } from "~/domain/incidents";
import {
  type Incident,
  IncidentService,
  type IncidentStatus,
} from "~/gen/kvartal/incident/v1/incident_pb.js";
import { type Report, ReportService, type ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import type { Feed } from "~/kit";
import { getSession } from "~/platform/session";
import { useTopic } from "~/platform/streams";
import { incidents as incidentTopic, reports as reportTopic } from "~/platform/topics";
import type { BoardSearch } from "./boardSearch";

export interface LiveList<T> {
  readonly rows: readonly T[];
  /** The newest state of one, also when it does not match the filters any more. */
  readonly find: (id: string) => T | undefined;
  readonly feed: Feed;
  /** Takes a newer state in, such as the answer of a change. */
  readonly put: (row: T) => void;
}

const PAGE = 200;
const paging = {
  pageParamKey: "pageToken",
  getNextPageParam: (last: { nextPageToken: string }) => last.nextPageToken || undefined,
} as const;

/** Incidents that match the filters, the most pressing first. */
export function useIncidents(search: BoardSearch, enabled: boolean): LiveList<Incident> {
  const mine = search.mine ? (getSession()?.user.userId ?? "") : "";
  const statuses = (search.status as IncidentStatus[] | undefined) ?? [...OPEN_INCIDENTS];
  const filter = {
    statuses,
    kinds: search.kind ?? [],
    minPriority: search.priority,
    areaId: search.area ?? "",
    assigneeId: mine,
  };
  const feed = useInfiniteQuery(
    IncidentService.method.listIncidents,
    { pageSize: PAGE, pageToken: "", filter },
    { ...paging, enabled },
  );
  const news = useNews(incidentId);
  useTopic(
    incidentTopic,
    ({ incident }) => incident && news.put(incident),
    () => feed.refetch(),
    enabled,
  );
  const part = search.q?.toLowerCase() ?? "";
  const matches = (row: Incident) =>
    statuses.includes(row.status) &&
    (search.kind?.includes(row.kind) ?? true) &&
    row.priority >= (search.priority ?? 0) &&
    (!search.area || row.areaId === search.area) &&
    (!search.mine || row.assigneeId === mine) &&
    [row.title, row.place?.address, row.place?.road, row.team].some((each) =>
      each?.toLowerCase().includes(part),
    );
  const all = merge(feed.data?.pages.flatMap((page) => page.incidents) ?? [], news.map, incidentId);
  const rows = all
    .filter(matches)
    .sort((a, b) => b.priority - a.priority || ms(b.startTime) - ms(a.startTime));
  return { rows, find: (id) => all.find((row) => row.incidentId === id), feed, put: news.put };
}

/** Reports that match the filters, those whose answer is due first. */
export function useReports(search: BoardSearch, enabled: boolean): LiveList<Report> {
  const statuses = (search.status as ReportStatus[] | undefined) ?? [...OPEN_REPORTS];
  const filter = { statuses, categoryIds: search.category ?? [], areaId: search.area ?? "" };
  const feed = useInfiniteQuery(
    ReportService.method.listReports,
    { pageSize: PAGE, pageToken: "", filter },
    { ...paging, enabled },
  );
  const news = useNews(reportId);
  useTopic(
    reportTopic,
    ({ report }) => report && news.put(report),
    () => feed.refetch(),
    enabled,
  );
  const part = search.q?.toLowerCase() ?? "";
  const matches = (row: Report) =>
    statuses.includes(row.status) &&
    (search.category?.includes(row.categoryId) ?? true) &&
    (!search.area || row.areaId === search.area) &&
    [row.description, row.address, row.trackingNumber, row.team].some((each) =>
      each.toLowerCase().includes(part),
    );
  const all = merge(feed.data?.pages.flatMap((page) => page.reports) ?? [], news.map, reportId);
  const rows = all
    .filter(matches)
    .sort((a, b) => ms(a.answerDueTime) - ms(b.answerDueTime) || ms(b.createTime) - ms(a.createTime));
  return { rows, find: (id) => all.find((row) => row.reportId === id), feed, put: news.put };
}

interface Changing {
  updateTime?: Parameters<typeof timestampMs>[0];
}

/** What came after the pages were read, by id. Bounded: a board that is open for weeks must not grow without end. */
function useNews<T extends Changing>(id: (row: T) => string) {
  const [map, setMap] = useState<ReadonlyMap<string, T>>(new Map());
  const put = useCallback(
    (row: T) =>
      setMap((before) => {
        const known = before.get(id(row));
        if (known && ms(known.updateTime) > ms(row.updateTime)) return before;
        const next = new Map(before);
        next.delete(id(row));
        next.set(id(row), row);
        const oldest = next.keys().next().value;
        if (next.size > NEWS_MAX && oldest !== undefined) next.delete(oldest);
        return next;
      }),
    [id],
  );
  return { map, put };
}

const NEWS_MAX = 2000;

const incidentId = (row: Incident) => row.incidentId;
const reportId = (row: Report) => row.reportId;

function merge<T extends Changing>(
  read: readonly T[],
  news: ReadonlyMap<string, T>,
  id: (row: T) => string,
): T[] {
  const all = new Map(read.map((row) => [id(row), row]));
  for (const [key, row] of news) {
    const known = all.get(key);
    if (!known || ms(known.updateTime) <= ms(row.updateTime)) all.set(key, row);
  }
  return [...all.values()];
}

function ms(time: Changing["updateTime"]): number {
  return time ? timestampMs(time) : 0;
}
