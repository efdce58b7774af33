// Saying whether a fix holds, or whether a hazard is still there.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useMutation } from "@connectrpc/connect-query";
import { Link, useLocation } from "@tanstack/react-router";
import { ThumbsDown, ThumbsUp } from "lucide-react";
import { useState } from "react";
import { useCategories } from "~/domain/catalogue";
import { OPEN_REPORTS } from "~/domain/incidents";
import type { TimelineEntry } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { type Report, ReportService, ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Button, Card, ProblemNotice, TextField, toast } from "~/kit";
import { useSession } from "~/platform/session";
import { reportText } from "./report.text";

/** As the service has it: so long a fix may be refused. */
const OBJECTION_DAYS = 15;

export function Vote({
  report,
  timeline,
  onChanged,
}: {
  report: Report;
  timeline: readonly TimelineEntry[];
  onChanged: () => void;
}) {
  const text = useText(reportText);
  const format = useFormat();
  const session = useSession();
  const { href } = useLocation();
  const { categories } = useCategories();
  const [comment, setComment] = useState("");
  const confirm = useMutation(ReportService.method.confirmReport, {
    onSuccess: () => {
      setComment("");
      toast(text.thanksVote);
      onChanged();
    },
  });
  const fixed = report.status === ReportStatus.FIXED;
  const expires = categories.find(({ categoryId }) => categoryId === report.categoryId)?.expireMinutes ?? 0;
  if (!fixed && !(OPEN_REPORTS.includes(report.status) && expires > 0)) return null;
  const until = new Date(fixedMs(timeline) + OBJECTION_DAYS * 86_400_000);
  const vote = (confirmed: boolean) => confirm.mutate({ reportId: report.reportId, confirmed, comment });
  return (
    <Card
      title={fixed ? text.isFixed : text.isThere}
      actions={<span className="hint">{text.votes(report.confirmedCount, report.refutedCount)}</span>}
    >
      <p className="soft">{fixed ? text.isFixedLead(format.date(until)) : text.isThereLead}</p>
      {!session && (
        <p>
          <Link to="/sign-in" search={{ next: href }} className="button button-secondary">
            {text.signInToVote}
          </Link>
        </p>
      )}
      {session && (
        <>
          <TextField
            label={text.comment}
            hint={text.commentHint}
            maxLength={2000}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          <div className="row">
            <Button
              icon={<ThumbsUp aria-hidden="true" />}
              disabled={confirm.isPending}
              onClick={() => vote(true)}
            >
              {fixed ? text.yesFixed : text.yesThere}
            </Button>
            <Button
              icon={<ThumbsDown aria-hidden="true" />}
              disabled={confirm.isPending}
              onClick={() => vote(false)}
            >
              {fixed ? text.notFixed : text.notThere}
            </Button>
          </div>
          {confirm.isError && <ProblemNotice error={confirm.error} />}
        </>
      )}
    </Card>
  );
}

/** When it was fixed last, in milliseconds since 1970: votes change the report too, but not that. */
function fixedMs(timeline: readonly TimelineEntry[]): number {
  const fixes = timeline.filter(({ before, after }) => after === "FIXED" && before !== "FIXED");
  return Math.max(0, ...fixes.map(({ time }) => (time ? timestampMs(time) : 0))) || Date.now();
}
