// Detectors: what they measured last, and whether it can be believed.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type Detector, DetectorHealth, DetectorService } from "~/gen/kvartal/traffic/v1/detector_pb.js";
import { useFormat } from "~/i18n/format";
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
    </Page>
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
