// The roads now or at any time that is kept: map, score, jams, warnings.
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { History } from "lucide-react";
import { useMemo, useState } from "react";
import { pointOf } from "~/domain/catalogue";
import { levelTone } from "~/domain/traffic";
import type { CongestionLevel } from "~/gen/kvartal/traffic/v1/common_pb.js";
import { CongestionService, type Jam, type TrafficWarning } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { useFormat } from "~/i18n/format";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  type Column,
  Listing,
  Notice,
  Page,
  ProblemNotice,
  Stat,
  TextField,
  useNow,
} from "~/kit";
import { MapView } from "~/map/MapView";
import { type Pin, viewOf } from "~/map/types";
import { useAllPages } from "~/platform/query";
import { moment } from "~/platform/search";
import { JamDetail } from "./JamDetail";
import { flowsOf, useLiveLevels, useSegments } from "./live";
import { roadsText } from "./roads.text";
import { ScoreHistory } from "./ScoreHistory";
import { trafficText } from "./traffic.text";

export interface TrafficSearch {
  /** `YYYY-MM-DDTHH:MM` in the reader's time zone; now when absent. */
  at?: string;
}

const STEP_MS = 300_000;
/** How far the slider reaches back; any earlier time can be typed. */
const SLIDER_STEPS = 288;
const paging = {
  pageParamKey: "pageToken",
  getNextPageParam: (last: { nextPageToken: string }) => last.nextPageToken || undefined,
} as const;

export function TrafficPage() {
  const text = useText(roadsText);
  const format = useFormat();
  const now = useNow();
  const [opened, setOpened] = useState<string>();
  const { at } = useSearch({ from: "/dispatch/traffic" });
  const past = moment(at);
  const time = past && timestampFromDate(past);
  const scores = useQuery(CongestionService.method.getScores, { time });
  const jams = useJams(time);
  const warnings = useWarnings(past);
  const states = useInfiniteQuery(
    CongestionService.method.listSegmentStates,
    { pageSize: 5000, pageToken: "", time },
    paging,
  );
  useAllPages(states);
  const live = useLiveLevels(past === undefined, () => {
    scores.refetch();
    jams.refetch();
    warnings.refetch();
  });
  const [selected, setSelected] = useState<string>();
  const { segments, ...network } = useSegments();
  const read = states.data;
  const flows = useMemo(() => {
    const levels = new Map<string, CongestionLevel>();
    for (const state of read?.pages.flatMap((page) => page.states) ?? [])
      levels.set(state.segmentId, state.level);
    if (!moment(at)) for (const [id, level] of live) levels.set(id, level);
    return flowsOf(segments, levels);
  }, [read, live, segments, at]);
  const view = useMemo(
    () => viewOf([...segments.values()].flatMap((s) => s.geometry.map(pointOf))),
    [segments],
  );
  const rows = jams.data?.pages.flatMap((page) => page.jams) ?? [];
  const city = scores.data?.city;
  const broken = [network, states, scores].filter(({ error }) => error !== null);
  return (
    <Page title={text.title} width="wide" quietTitle>
      <TimeMachine at={at} />
      {past && <Notice tone="warn" title={text.asItWas(format.dateTime(past))} />}
      {broken[0] && (
        <ProblemNotice
          error={broken[0].error}
          onRetry={() => {
            for (const each of broken) each.refetch();
          }}
        />
      )}
      <div className="traffic">
        <div className="traffic-map">
          {view && (
            <MapView
              label={text.map}
              flows={flows}
              pins={rows.flatMap(jamPin)}
              selected={selected}
              onSelect={setSelected}
              view={view}
            />
          )}
        </div>
        <div className="stack">
          {city && (
            <div className="counts">
              <Stat
                label={text.score}
                value={format.number(city.score, 1)}
                note={
                  city.typicalScore === undefined
                    ? undefined
                    : text.usually(format.number(city.typicalScore, 1))
                }
              />
              <Stat label={text.jamLength} value={format.distance(city.jamLengthM)} />
              <Stat label={text.coverage} value={format.percent(city.coverage)} note={text.coverageNote} />
            </div>
          )}
          <Card title={text.jams}>
            <Listing
              feed={jams}
              caption={text.jams}
              columns={useJamColumns(setOpened)}
              rows={rows}
              rowKey={(jam) => jam.jamId}
              empty={text.noJams}
            />
          </Card>
          <Warnings query={warnings} />
          <ScoreHistory end={Math.ceil((past?.getTime() ?? now) / STEP_MS) * STEP_MS} />
        </div>
      </div>
      {opened && <JamDetail jamId={opened} onClose={() => setOpened(undefined)} />}
    </Page>
  );
}

function useJams(time: Timestamp | undefined) {
  const filter = time ? { time } : { active: true };
  return useInfiniteQuery(CongestionService.method.listJams, { pageSize: 50, pageToken: "", filter }, paging);
}

function useWarnings(past: Date | undefined) {
  // The hour before the time that is looked at.
  const range = past && {
    startTime: timestampFromDate(new Date(past.getTime() - 3_600_000)),
    endTime: timestampFromDate(past),
  };
  const request = { pageSize: 50, pageToken: "", active: past === undefined, ...range };
  return useInfiniteQuery(CongestionService.method.listTrafficWarnings, request, paging);
}

function TimeMachine({ at }: { at: string | undefined }) {
  const text = useText(roadsText);
  const navigate = useNavigate({ from: "/dispatch/traffic" });
  const now = useNow();
  const go = (time: string | undefined) =>
    navigate({ search: { at: time }, replace: true, resetScroll: false });
  const steps = Math.round(((moment(at)?.getTime() ?? now) - now) / STEP_MS);
  return (
    <div className="time-machine">
      <History aria-hidden="true" />
      <label className="time-slider">
        <span>{text.timeMachine}</span>
        <input
          type="range"
          min={-SLIDER_STEPS}
          max={0}
          value={Math.max(steps, -SLIDER_STEPS)}
          aria-valuetext={at ?? text.now}
          onChange={(event) => {
            const step = Number(event.target.value);
            go(step === 0 ? undefined : local(new Date(now + step * STEP_MS)));
          }}
        />
      </label>
      <TextField
        label={text.time}
        quietLabel
        type="datetime-local"
        value={at ?? ""}
        onChange={(event) => go(event.target.value || undefined)}
      />
      <Button disabled={!at} onClick={() => go(undefined)}>
        {text.now}
      </Button>
    </div>
  );
}

function useJamColumns(onOpen: (id: string) => void): readonly Column<Jam>[] {
  const text = useText(roadsText);
  const words = useText(trafficText);
  const format = useFormat();
  return [
    {
      key: "where",
      head: text.where,
      cell: (jam) => (
        <>
          <strong>{jam.displayName || jam.corridor}</strong>{" "}
          <Badge tone={levelTone[jam.level]}>{words.level[jam.level]}</Badge>
        </>
      ),
    },
    { key: "queue", head: text.queue, number: true, cell: (jam) => format.distance(jam.queueLengthM) },
    {
      key: "speed",
      head: text.speed,
      number: true,
      cell: (jam) => words.speed(format.number(jam.meanSpeedKmh)),
    },
    {
      key: "delay",
      head: text.delay,
      number: true,
      cell: (jam) => words.minutes(format.number(jam.delaySeconds / 60, 1)),
    },
    { key: "since", head: text.since, cell: (jam) => <Ago time={jam.startTime} /> },
    {
      key: "show",
      head: text.show,
      quietHead: true,
      cell: (jam) => <Button onClick={() => onOpen(jam.jamId)}>{text.show}</Button>,
    },
  ];
}

function Warnings({ query }: { query: ReturnType<typeof useWarnings> }) {
  const text = useText(roadsText);
  const locale = useLocale();
  const columns: readonly Column<TrafficWarning>[] = [
    {
      key: "text",
      head: text.warning,
      cell: (warning) => (locale === "en" ? warning.textEn : warning.textRu),
    },
    { key: "since", head: text.since, cell: (warning) => <Ago time={warning.startTime} /> },
  ];
  return (
    <Card title={text.warnings}>
      <Listing
        feed={query}
        caption={text.warnings}
        columns={columns}
        rows={query.data?.pages.flatMap((page) => page.warnings) ?? []}
        rowKey={(warning) => warning.warningId}
        empty={text.noWarnings}
      />
    </Card>
  );
}

function jamPin(jam: Jam): Pin[] {
  const { jamId: id, headLocation, displayName, corridor, level } = jam;
  if (!headLocation) return [];
  return [
    { ...pointOf(headLocation), id, kind: "jam", tone: levelTone[level], label: displayName || corridor },
  ];
}

/** As `datetime-local` wants it, in whole five minutes. */
function local(time: Date): string {
  const rounded = new Date(Math.floor(time.getTime() / STEP_MS) * STEP_MS);
  const shifted = new Date(rounded.getTime() - rounded.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
