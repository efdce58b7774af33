// The reports that belong to an incident.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { Unlink } from "lucide-react";
import { incidentText, reportTone } from "~/domain/incidents";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Badge, Button, Card, toast, toastError } from "~/kit";
import { panelText } from "./panel.text";

export function LinkedReports({ incidentId }: { incidentId: string }) {
  const text = useText(panelText);
  const words = useText(incidentText);
  const query = useQuery(ReportService.method.listReports, { pageSize: 100, filter: { incidentId } });
  const reports = query.data?.reports ?? [];
  const unlink = useMutation(ReportService.method.unlinkReport, {
    onSuccess: () => {
      toast(text.unlinked);
      query.refetch();
    },
    onError: toastError,
  });
  return (
    <Card title={text.reports}>
      {reports.length === 0 ? (
        <p className="soft">{text.noReports}</p>
      ) : (
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
