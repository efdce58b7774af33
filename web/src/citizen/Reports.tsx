// What citizens have reported: everybody's and one's own, by status, category and district.
import "./citizen.css";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { useAreas, useCategories } from "~/domain/catalogue";
import { incidentText, OPEN_REPORTS } from "~/domain/incidents";
import { ReportService, ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import {
  Button,
  Card,
  Empty,
  More,
  Page,
  ProblemNotice,
  Segmented,
  Select,
  Skeleton,
  TextField,
} from "~/kit";
import { useSession } from "~/platform/session";
import { ReportLine } from "./cards";
import { reportText } from "./report.text";
import { REPORT_STATUSES, reportsRoute } from "./routes";

export function Reports() {
  const text = useText(reportText);
  const words = useText(incidentText);
  const search = reportsRoute.useSearch();
  const navigate = useNavigate();
  const signedIn = useSession() !== undefined;
  const { categories, name } = useCategories();
  const { areas } = useAreas();
  const mine = signedIn && search.mine === true;
  const statuses =
    search.status === "open" ? [...OPEN_REPORTS] : search.status ? [ReportStatus[search.status]] : [];
  const list = useInfiniteQuery(
    ReportService.method.listReports,
    {
      pageSize: 20,
      pageToken: "",
      filter: {
        statuses,
        categoryIds: search.category ? [search.category] : [],
        areaId: search.area,
        incidentId: search.incident,
        mine,
      },
    },
    { pageParamKey: "pageToken", getNextPageParam: (page) => page.nextPageToken || undefined },
  );
  const shown = list.data?.pages.flatMap((page) => page.reports) ?? [];
  const go = (change: Partial<typeof search>) =>
    navigate({ to: "/reports", search: { ...search, ...change }, replace: true, resetScroll: false });
  const find = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const report = String(new FormData(event.currentTarget).get("number")).trim();
    navigate({ to: "/reports/$report", params: { report } });
  };
  return (
    <Page title={text.list} lead={text.listLead}>
      <div className="filters">
        {signedIn && (
          <Segmented
            label={text.whose}
            value={mine ? "mine" : "all"}
            options={[
              { value: "all", label: text.everybodys },
              { value: "mine", label: text.mine },
            ]}
            onChange={(value) => go({ mine: value === "mine" || undefined })}
          />
        )}
        <Select
          label={text.status}
          value={search.status ?? ""}
          onChange={({ currentTarget }) =>
            go({ status: REPORT_STATUSES.find((status) => status === currentTarget.value) })
          }
        >
          <option value="">{text.anyStatus}</option>
          {REPORT_STATUSES.map((status) => (
            <option key={status} value={status}>
              {status === "open" ? text.open : words.reportStatus[ReportStatus[status]]}
            </option>
          ))}
        </Select>
        <Select
          label={text.allCategories}
          value={search.category ?? ""}
          onChange={({ currentTarget }) => go({ category: currentTarget.value || undefined })}
        >
          <option value="">{text.anyCategory}</option>
          {categories.map(({ categoryId }) => (
            <option key={categoryId} value={categoryId}>
              {name(categoryId)}
            </option>
          ))}
        </Select>
        <Select
          label={text.areaLabel}
          value={search.area ?? ""}
          onChange={({ currentTarget }) => go({ area: currentTarget.value || undefined })}
        >
          <option value="">{text.anyArea}</option>
          {areas.map(({ areaId, displayName }) => (
            <option key={areaId} value={areaId}>
              {displayName}
            </option>
          ))}
        </Select>
        <form className="row end" onSubmit={find}>
          <TextField
            label={text.find}
            name="number"
            placeholder="KV-"
            required
            minLength={8}
            maxLength={40}
            pattern="[A-Za-z0-9\-]+"
            title={text.findHint}
          />
          <Button type="submit">{text.findButton}</Button>
        </form>
      </div>
      {list.isPending && <Skeleton lines={10} />}
      {list.isError && <ProblemNotice error={list.error} onRetry={() => list.refetch()} />}
      {list.isSuccess && shown.length === 0 && (
        <Empty title={mine ? text.noneMine : text.none}>
          <p>{text.noneLead}</p>
        </Empty>
      )}
      {shown.length > 0 && (
        <Card title={mine ? text.mine : text.found}>
          <ul className="list">
            {shown.map((report) => (
              <li key={report.reportId}>
                <ReportLine report={report} />
              </li>
            ))}
          </ul>
        </Card>
      )}
      <More shown={list.hasNextPage} busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()} />
    </Page>
  );
}
