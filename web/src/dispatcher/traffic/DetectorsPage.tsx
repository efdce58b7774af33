// Detectors: what they measured last, and whether it can be believed.
import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import {
  type Detector,
  DetectorHealth,
  type DetectorHealthRule,
  DetectorService,
} from "~/gen/kvartal/traffic/v1/detector_pb.js";
import { useFormat } from "~/i18n/format";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import { Ago, Badge, Card, type Column, Listing, Page, Segmented } from "~/kit";
import { detectorsText } from "./detectors.text";
import { healthTone } from "./tones";
import { trafficText } from "./traffic.text";

export interface DetectorsSearch {
  health?: DetectorHealth;
}

const EVERY_MS = 15_000;
const HEALTHS = [DetectorHealth.GOOD, DetectorHealth.FAILED, DetectorHealth.RETIRED];

export function DetectorsPage() {
  const text = useText(detectorsText);
  const words = useText(trafficText);
  const { health } = useSearch({ from: "/dispatch/detectors" });
  const navigate = useNavigate({ from: "/dispatch/detectors" });
  const filter = { healths: health ? [health] : [] };
  const feed = useInfiniteQuery(
    DetectorService.method.listDetectors,
    { pageSize: 100, pageToken: "", filter },
    {
      pageParamKey: "pageToken",
      getNextPageParam: (last) => last.nextPageToken || undefined,
      refetchInterval: EVERY_MS,
    },
  );
  return (
    <Page title={text.title} lead={text.lead} width="wide">
      <Segmented
        label={text.health}
        value={String(health ?? 0)}
        options={[
          { value: "0", label: text.all },
          ...HEALTHS.map((each) => ({ value: String(each), label: words.health[each] })),
        ]}
        onChange={(value) => navigate({ search: { health: Number(value) || undefined } })}
      />
      <Card>
        <Listing
          feed={feed}
          caption={text.title}
          columns={useColumns()}
          rows={feed.data?.pages.flatMap((page) => page.detectors) ?? []}
          rowKey={(detector) => detector.detectorId}
          empty={text.none}
        />
      </Card>
      <Rules />
    </Page>
  );
}

/** By which rules detectors are judged, and where those were published. */
function Rules() {
  const text = useText(detectorsText);
  const words = useText(trafficText);
  const format = useFormat();
  const locale = useLocale();
  const feed = useQuery(DetectorService.method.listDetectorHealthRules, {}, { staleTime: 3_600_000 });
  const columns: readonly Column<DetectorHealthRule>[] = [
    { key: "rule", head: text.rule, cell: ({ rule }) => <strong>{words.rule[rule]}</strong> },
    {
      key: "what",
      head: text.what,
      cell: ({ descriptionRu, descriptionEn }) => (locale === "en" ? descriptionEn : descriptionRu),
    },
    {
      key: "window",
      head: text.window,
      number: true,
      cell: ({ windowSeconds }) => words.minutes(format.number(windowSeconds / 60)),
    },
    { key: "source", head: text.source, cell: ({ source }) => source },
  ];
  return (
    <Card title={text.rules}>
      <Listing
        feed={feed}
        caption={text.rules}
        columns={columns}
        rows={feed.data?.rules ?? []}
        rowKey={({ rule }) => String(rule)}
      />
    </Card>
  );
}

function useColumns(): readonly Column<Detector>[] {
  const text = useText(detectorsText);
  const words = useText(trafficText);
  const format = useFormat();
  const value = (given: number | undefined, say: (text: string) => string) =>
    given === undefined ? words.none : say(format.number(given, 1));
  return [
    {
      key: "name",
      head: text.detector,
      cell: (detector) => (
        <Link to="/dispatch/detectors/$detectorId" params={{ detectorId: detector.detectorId }}>
          {detector.displayName || detector.detectorId}
        </Link>
      ),
    },
    { key: "kind", head: text.kind, cell: (detector) => words.detectorKind[detector.kind] },
    {
      key: "health",
      head: text.health,
      cell: ({ health, brokenRules }) => (
        <>
          <Badge tone={healthTone[health]}>{words.health[health]}</Badge>{" "}
          {brokenRules.map((rule) => words.rule[rule]).join(", ")}
        </>
      ),
    },
    {
      key: "speed",
      head: text.speed,
      number: true,
      cell: ({ lastMeasurement }) => value(lastMeasurement?.speedKmh, words.speed),
    },
    {
      key: "occupancy",
      head: text.occupancy,
      number: true,
      cell: ({ lastMeasurement }) => value(lastMeasurement?.occupancyPercent, (percent) => `${percent} %`),
    },
    {
      key: "count",
      head: text.count,
      number: true,
      cell: ({ lastMeasurement }) => value(lastMeasurement?.vehicleCount, (count) => count),
    },
    { key: "seen", head: text.seen, cell: ({ lastMeasurement }) => <Ago time={lastMeasurement?.time} /> },
  ];
}
