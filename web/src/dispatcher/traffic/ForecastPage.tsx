// The scoreboard of forecasts: every model against what really came, and which of them people see.
import { useQuery } from "@connectrpc/connect-query";
import { ForecastModel, ForecastService, type ModelScore } from "~/gen/kvartal/traffic/v1/forecast_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Badge, Card, type Column, Listing, Notice, Page } from "~/kit";
import { detectorsText } from "./detectors.text";
import { trafficText } from "./traffic.text";

export function ForecastPage() {
  const text = useText(detectorsText);
  const words = useText(trafficText);
  const format = useFormat();
  const feed = useQuery(ForecastService.method.getForecastScoreboard, {});
  const serving = feed.data?.servingModel ?? ForecastModel.UNSPECIFIED;
  const columns: readonly Column<ModelScore>[] = [
    {
      key: "model",
      head: text.model,
      cell: (score) => (
        <>
          <strong>{words.model[score.model]}</strong>{" "}
          {score.model === serving && <Badge tone="info">{text.serving}</Badge>}
        </>
      ),
    },
    {
      key: "horizon",
      head: text.horizon,
      number: true,
      cell: (score) => words.minutes(format.number(score.horizonMinutes)),
    },
    {
      key: "mae",
      head: text.mae,
      number: true,
      cell: (score) => words.speed(format.number(score.meanAbsoluteErrorKmh, 2)),
    },
    {
      key: "rmse",
      head: text.rmse,
      number: true,
      cell: (score) => words.speed(format.number(score.rootMeanSquaredErrorKmh, 2)),
    },
    {
      key: "within",
      head: text.coverage,
      number: true,
      cell: (score) => format.percent(score.intervalCoverage),
    },
    { key: "samples", head: text.samples, number: true, cell: (score) => format.number(score.sampleCount) },
    {
      key: "beats",
      head: text.beats,
      cell: (score) => (
        <Badge tone={score.beatsNaive ? "good" : "neutral"}>{score.beatsNaive ? text.yes : text.no}</Badge>
      ),
    },
  ];
  return (
    <Page title={text.scoreboard} lead={text.scoreboardLead}>
      {feed.data && serving === ForecastModel.UNSPECIFIED && <Notice tone="warn" title={text.servingNone} />}
      <Card>
        <Listing
          feed={feed}
          caption={text.scoreboard}
          columns={columns}
          rows={feed.data?.scores ?? []}
          rowKey={(score) => `${score.model}/${score.horizonMinutes}`}
          empty={text.noOutcomes}
        />
      </Card>
    </Page>
  );
}
