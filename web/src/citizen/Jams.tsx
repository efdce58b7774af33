// Jams and warnings as lists.
import { useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { levelTone, trafficText } from "~/domain/traffic";
import { CongestionService, type Jam, type TrafficWarning } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { NetworkService } from "~/gen/kvartal/traffic/v1/network_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Ago, Badge, Card, Empty, Notice, ProblemNotice, Skeleton } from "~/kit";
import { isAbsent } from "~/platform/query";
import { useJams } from "./traffic";
import { trafficPageText } from "./traffic.text";

const SHOWN = 5;

export function JamLine({ jam }: { jam: Jam }) {
  const text = useText(trafficPageText);
  const words = useText(trafficText);
  const format = useFormat();
  return (
    <article className="line">
      <h3>
        <Link to="/jams/$jamId" params={{ jamId: jam.jamId }}>
          {jam.displayName || jam.corridor || text.jam}
        </Link>
      </h3>
      <p className="row">
        <Badge tone={levelTone[jam.level]}>{words.level[jam.level]}</Badge>
        <span>
          {[
            text.queue(format.distance(jam.queueLengthM)),
            text.speed(format.number(jam.meanSpeedKmh)),
            text.delay(Math.round(jam.delaySeconds / 60)),
          ].join(" · ")}
        </span>
      </p>
      <p className="hint">
        <Ago time={jam.startTime} />
      </p>
    </article>
  );
}

/** The longest jams; nothing where no traffic is measured. */
export function JamsCard() {
  const text = useText(trafficPageText);
  const feed = useJams();
  const jams = feed.data?.jams;
  if (feed.isPending) {
    return (
      <Card title={text.jams}>
        <Skeleton lines={8} />
      </Card>
    );
  }
  if (!jams) return isAbsent(feed.error) ? null : <ProblemNotice error={feed.error} onRetry={feed.refetch} />;
  const worst = [...jams].sort((a, b) => b.queueLengthM - a.queueLengthM).slice(0, SHOWN);
  return (
    <Card title={text.jams} actions={<span className="hint">{jams.length}</span>}>
      {jams.length === 0 && (
        <Empty title={text.noJams}>
          <p>{text.noJamsLead}</p>
        </Empty>
      )}
      <ul className="list">
        {worst.map((jam) => (
          <li key={jam.jamId}>
            <JamLine jam={jam} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Where drivers come upon slow traffic fastest. */
export function Warnings() {
  const text = useText(trafficPageText);
  const warnings = useQuery(CongestionService.method.listTrafficWarnings, { active: true, pageSize: 200 })
    .data?.warnings;
  if (!warnings || warnings.length === 0) return null;
  const drop = (warning: TrafficWarning) => warning.upstreamSpeedKmh - warning.speedKmh;
  const worst = [...warnings].sort((a, b) => drop(b) - drop(a)).slice(0, SHOWN);
  return (
    <Notice tone="warn" title={text.warnings}>
      <ul className="plain">
        {worst.map((warning) => (
          <li key={warning.warningId}>
            <WarningLine warning={warning} />
          </li>
        ))}
      </ul>
      {warnings.length > SHOWN && <p className="hint">{text.more(warnings.length - SHOWN)}</p>}
    </Notice>
  );
}

function WarningLine({ warning: { segmentId, textEn, textRu } }: { warning: TrafficWarning }) {
  const road = useQuery(
    NetworkService.method.getSegment,
    { segmentId },
    { enabled: segmentId !== "", staleTime: Number.POSITIVE_INFINITY },
  ).data?.segment?.displayName;
  const what = useText({ en: textEn, ru: textRu });
  return (
    <>
      {road && <strong>{road} </strong>}
      {what}
    </>
  );
}
