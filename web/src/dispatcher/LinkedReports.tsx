// The reports that belong to an incident.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { Unlink } from "lucide-react";
import { useEffect } from "react";
import { incidentText, reportTone } from "~/domain/incidents";
import type { Incident } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Badge, Button, Card, ProblemNotice, Skeleton, toast, toastError } from "~/kit";
import { panelText } from "./panel.text";

export function LinkedReports({ incident: { incidentId, reportIds } }: { incident: Incident }) {
  const text = useText(panelText);
  const words = useText(incidentText);
  const query = useQuery(ReportService.method.listReports, { pageSize: 100, filter: { incidentId } });
  const { refetch } = query;
  const ids = reportIds.join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: other reports belong to it now
  useEffect(() => {
    refetch();
  }, [ids, refetch]);
  const reports = query.data?.reports ?? [];
  const unlink = useMutation(ReportService.method.unlinkReport, {
    onSuccess: () => {
      toast(text.unlinked);
      refetch();
    },
    onError: toastError,
  });
  return (
    <Card title={text.reports}>
      {query.isPending && <Skeleton lines={2} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => refetch()} />}
      {query.data && reports.length === 0 && <p className="soft">{text.noReports}</p>}
      {reports.length > 0 && (
        <ul className="list">
          {reports.map((report) => (
            <li key={report.reportId} className="linked">
              <Link to="/dispatch/reports/$reportId" params={{ reportId: report.reportId }}>
                {report.trackingNumber}
              </Link>
              <span>{report.description}</span>
              <Badge tone={reportTone[report.status]}>{words.reportStatus[report.status]}</Badge>
              <Button
                look="quiet"
                iconOnly
                icon={<Unlink aria-hidden="true" />}
                busy={unlink.isPending && unlink.variables?.reportId === report.reportId}
                onClick={() => unlink.mutate({ reportId: report.reportId })}
              >
                {`${text.unlink} ${report.trackingNumber}`}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
