// One report on a page of its own.
import { useQuery } from "@connectrpc/connect-query";
import { Link, useParams } from "@tanstack/react-router";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Page, ProblemNotice, Skeleton } from "~/kit";
import { useTopic } from "~/platform/streams";
import { reports } from "~/platform/topics";
import { dispatchText } from "./dispatch.text";
import { ReportPanel } from "./ReportPanel";

export function ReportPage() {
  const text = useText(dispatchText);
  const { reportId } = useParams({ from: "/dispatch/reports/$reportId" });
  const query = useQuery(ReportService.method.getReport, { report: reportId });
  useTopic(
    reports,
    ({ report }) => report?.reportId === reportId && query.refetch(),
    () => query.refetch(),
  );
  const report = query.data?.report;
  const back = (
    <Link to="/dispatch" search={{ list: "reports" }}>
      {text.back}
    </Link>
  );
  return (
    <Page title={report?.trackingNumber ?? text.reports} lead={back}>
      {query.isPending && <Skeleton lines={8} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {report && <ReportPanel report={report} onChange={() => query.refetch()} standalone />}
    </Page>
  );
}
