// Patrols: who is where, doing what.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { pointOf } from "~/domain/catalogue";
import { type Patrol, PatrolService, PatrolStatus } from "~/gen/kvartal/traffic/v1/patrol_pb.js";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  type Column,
  Listing,
  Page,
  Select,
  toast,
  toastError,
  useNow,
} from "~/kit";
import type { Pin, Point } from "~/map/types";
import { numbersOf } from "../boardSearch";
import { Where } from "../Where";
import { patrolsText } from "./patrols.text";
import { patrolTone } from "./tones";
import { trafficText } from "./traffic.text";

const EVERY_MS = 5_000;
/** So much of a patrol's way is drawn, and drawn anew so often. */
const TRACK_MS = 3_600_000;
const TRACK_STEP_MS = 60_000;

export function PatrolsPage() {
  const text = useText(patrolsText);
  const words = useText(trafficText);
  const [selected, setSelected] = useState<string>();
  const feed = useInfiniteQuery(
    PatrolService.method.listPatrols,
    { pageSize: 100, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      refetchInterval: EVERY_MS,
    },
  );
  const patrols = feed.data?.pages.flatMap((page) => page.patrols) ?? [];
  const track = useTrack(selected);
  const pins = patrols.flatMap(({ patrolId: id, location, callSign, status }): Pin[] =>
    location
      ? [
          {
            ...pointOf(location),
            id,
            kind: "patrol",
            tone: patrolTone[status],
            label: `${callSign}: ${words.patrol[status]}`,
            line: id === selected ? track : undefined,
          },
        ]
      : [],
  );
  return (
    <Page title={text.title} lead={text.lead} width="wide">
      <div className="traffic">
        <div className="traffic-map">
          <Where label={text.map} pins={pins} selected={selected} onSelect={setSelected} />
        </div>
        <Card>
          <Listing
            feed={feed}
            caption={text.title}
            columns={useColumns(() => feed.refetch(), setSelected)}
            rows={patrols}
            rowKey={(patrol) => patrol.patrolId}
            empty={text.none}
          />
        </Card>
      </div>
    </Page>
  );
}

/** The way of a patrol in the last hour. */
function useTrack(patrolId: string | undefined): readonly Point[] | undefined {
  const end = Math.ceil(useNow() / TRACK_STEP_MS) * TRACK_STEP_MS;
  const track = useQuery(
    PatrolService.method.listPatrolTrack,
    { patrolId, startTime: timestampFromMs(end - TRACK_MS), endTime: timestampFromMs(end) },
    { enabled: patrolId !== undefined },
  );
  return track.data?.positions.flatMap(({ location }) => (location ? [pointOf(location)] : []));
}

function useColumns(onChange: () => void, onShow: (patrolId: string) => void): readonly Column<Patrol>[] {
  const text = useText(patrolsText);
  const words = useText(trafficText);
  const set = useMutation(PatrolService.method.setPatrolStatus, {
    onSuccess: () => {
      toast(text.saved);
      onChange();
    },
    onError: toastError,
  });
  const release = useMutation(PatrolService.method.releasePatrol, {
    onSuccess: () => {
      toast(text.released);
      onChange();
    },
    onError: toastError,
  });
  return [
    {
      key: "name",
      head: text.patrol,
      cell: (patrol) => (
        <>
          <strong>{patrol.callSign}</strong>
          <br />
          <span className="soft">{patrol.vehicle}</span>
        </>
      ),
    },
    {
      key: "status",
      head: text.status,
      cell: (patrol) => (
        <>
          <Badge tone={patrolTone[patrol.status]}>{words.patrol[patrol.status]}</Badge>
          <Select
            label={text.setStatus(patrol.callSign)}
            quietLabel
            value={patrol.status}
            onChange={(event) =>
              set.mutate({ patrolId: patrol.patrolId, status: Number(event.target.value), etag: patrol.etag })
            }
          >
            {numbersOf<PatrolStatus>(PatrolStatus).map((status) => (
              <option key={status} value={status}>
                {words.patrol[status]}
              </option>
            ))}
          </Select>
        </>
      ),
    },
    { key: "since", head: text.changed, cell: (patrol) => <Ago time={patrol.statusTime} /> },
    {
      key: "seen",
      head: text.seen,
      cell: ({ patrolId, positionTime }) => (
        <>
          <Ago time={positionTime} /> <Button onClick={() => onShow(patrolId)}>{text.track}</Button>
        </>
      ),
    },
    {
      key: "incident",
      head: text.incident,
      cell: ({ incidentId, arrivalTime, patrolId, etag }) =>
        incidentId !== "" && (
          <>
            <Link to="/dispatch/incidents/$incidentId" params={{ incidentId }}>
              {incidentId.slice(0, 8)}
            </Link>{" "}
            {arrivalTime && (
              <span className="hint">
                {text.arrival} <Ago time={arrivalTime} />
              </span>
            )}
            <Button onClick={() => release.mutate({ patrolId, etag })}>{text.release}</Button>
          </>
        ),
    },
  ];
}
