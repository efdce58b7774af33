// Reports that may be about the same thing: following one helps more than a second report.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { Bell } from "lucide-react";
import { useState } from "react";
import { useCategories } from "~/domain/catalogue";
import { incidentText, reportTone } from "~/domain/incidents";
import { type DuplicateCandidate, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Ago, Badge, Button, Notice, toastError, useSettled } from "~/kit";
import { useSession } from "~/platform/session";
import type { Draft } from "./draft";
import { reportText } from "./report.text";

/** After so long without a letter a word or a sentence is complete. */
const TYPING_MS = 600;

export function Duplicates({ draft }: { draft: Draft }) {
  const text = useText(reportText);
  const { place, categoryId } = draft;
  const description = useSettled(draft.description, TYPING_MS);
  const found = useQuery(
    ReportService.method.suggestDuplicates,
    { categoryId, description, location: place && { latitude: place.lat, longitude: place.lng } },
    // A hint that does not come is no reason to complain.
    { enabled: categoryId !== "" && place !== undefined, placeholderData: (before) => before, staleTime: 0 },
  );
  const candidates = found.data?.candidates ?? [];
  if (!place || !categoryId || candidates.length === 0) return null;
  return (
    <Notice tone="warn" title={text.similar}>
      <p>{text.similarLead}</p>
      <ul className="list">
        {candidates.map((candidate) => (
          <Candidate key={candidate.report?.reportId} candidate={candidate} />
        ))}
      </ul>
    </Notice>
  );
}

function Candidate({ candidate: { report, distanceM } }: { candidate: DuplicateCandidate }) {
  const text = useText(reportText);
  const words = useText(incidentText);
  const format = useFormat();
  const signedIn = useSession() !== undefined;
  const { name } = useCategories();
  const [following, setFollowing] = useState(false);
  const follow = useMutation(ReportService.method.subscribeToReport, {
    onSuccess: () => setFollowing(true),
    onError: toastError,
  });
  if (!report) return null;
  const { reportId } = report;
  return (
    <li className="row spread">
      <div>
        <p className="row">
          <Link to="/reports/$report" params={{ report: reportId }} target="_blank">
            {name(report.categoryId)}
          </Link>
          <Badge tone={reportTone[report.status]}>{words.reportStatus[report.status]}</Badge>
        </p>
        <p>{report.description}</p>
        <p className="row">
          <span>{text.away(format.distance(distanceM))}</span>
          <Ago time={report.createTime} />
        </p>
      </div>
      {signedIn &&
        (following ? (
          <Badge tone="good">{text.following}</Badge>
        ) : (
          <Button
            icon={<Bell aria-hidden="true" />}
            busy={follow.isPending}
            onClick={() => follow.mutate({ reportId })}
          >
            {text.follow}
          </Button>
        ))}
    </li>
  );
}
