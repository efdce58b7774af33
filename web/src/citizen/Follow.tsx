// Following a report, and handing on its address.
import { useMutation } from "@connectrpc/connect-query";
import { Link, useLocation } from "@tanstack/react-router";
import { Bell, BellOff, Link2 } from "lucide-react";
import { useState } from "react";
import { type Report, ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, copy, toast, toastError } from "~/kit";
import { useSession } from "~/platform/session";
import { reportText } from "./report.text";

export function Follow({ report, onChanged }: { report: Report; onChanged: () => void }) {
  const text = useText(reportText);
  const session = useSession();
  const { href } = useLocation();
  const own = session !== undefined && report.reporterId === session.user.userId;
  // Services do not tell who follows what; until somebody says otherwise here, following is offered.
  const [following, setFollowing] = useState(own);
  const done = (now: boolean) => ({
    onSuccess: () => {
      setFollowing(now);
      onChanged();
    },
    onError: toastError,
  });
  const follow = useMutation(ReportService.method.subscribeToReport, done(true));
  const unfollow = useMutation(ReportService.method.unsubscribeFromReport, done(false));
  const share = async () => {
    const address = `${location.origin}/reports/${report.trackingNumber}`;
    toast((await copy(address)) ? text.shared : address);
  };
  const { reportId } = report;
  return (
    <>
      <span className="hint">{text.followers(report.subscriberCount)}</span>
      {!session && (
        <Link to="/sign-in" search={{ next: href }} className="button button-secondary">
          <Bell aria-hidden="true" />
          {text.signInToFollow}
        </Link>
      )}
      {session && !following && (
        <Button
          icon={<Bell aria-hidden="true" />}
          busy={follow.isPending}
          onClick={() => follow.mutate({ reportId })}
        >
          {text.follow}
        </Button>
      )}
      {session && following && (
        <Button
          icon={<BellOff aria-hidden="true" />}
          busy={unfollow.isPending}
          onClick={() => unfollow.mutate({ reportId })}
        >
          {text.unfollow}
        </Button>
      )}
      <Button look="quiet" icon={<Link2 aria-hidden="true" />} onClick={share}>
        {text.share}
      </Button>
    </>
  );
}
