// How the city moves: a score from 0 to 10, in words, against what is usual, over the last hours.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import { levelOfScore, trafficText } from "~/domain/traffic";
import { CongestionService, type GetScoresResponse } from "~/gen/kvartal/traffic/v1/congestion_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Button, Card, Dialog, ProblemNotice, Skeleton, useNow } from "~/kit";
import { isAbsent } from "~/platform/query";
import { Spark } from "./Spark";
import { useScores } from "./traffic";
import { trafficPageText } from "./traffic.text";

const HOURS = 3;

export function ScoreCard() {
  const text = useText(trafficPageText);
  const words = useText(trafficText);
  const format = useFormat();
  const [explained, setExplained] = useState(false);
  const { data: scores, isPending, error, refetch } = useScores();
  const city = scores?.city;
  if (isPending) {
    return (
      <Card title={text.score} className="score-card">
        <Skeleton />
      </Card>
    );
  }
  if (error && !scores && !isAbsent(error)) return <ProblemNotice error={error} onRetry={refetch} />;
  if (!scores || !city) return null;
  const score = format.number(city.score, 1);
  return (
    <Card
      title={text.score}
      actions={
        <Button look="quiet" className="button-small" onClick={() => setExplained(true)}>
          {text.how}
        </Button>
      }
      className="score-card"
    >
      <div className="score">
        <span
          className={`score-number score-${levelOfScore(city.score)}`}
          role="img"
          aria-label={text.outOf(score)}
        >
          {score}
        </span>
        <div>
          <p>
            <strong>{words.score[Math.round(city.score)]}</strong>
          </p>
          <p className="hint">
            {[
              city.typicalScore !== undefined && text.typical(format.number(city.typicalScore, 1)),
              text.coverage(format.percent(city.coverage)),
            ]
              .filter(Boolean)
              .join(" · ")}
          </p>
        </div>
        <History />
      </div>
      {explained && <Explanation scores={scores} onClose={() => setExplained(false)} />}
    </Card>
  );
}

function History() {
  const text = useText(trafficPageText);
  // A new question every few minutes, not with every tick of the clock.
  const minutes = Math.floor(useNow() / 180_000) * 180_000;
  const history = useQuery(
    CongestionService.method.listScoreHistory,
    {
      startTime: timestampFromDate(new Date(minutes - HOURS * 3600_000)),
      endTime: timestampFromDate(new Date(minutes)),
      pageSize: 1000,
    },
    // The line stays until the next one is there.
    { placeholderData: (before) => before },
  );
  const values = history.data?.scores.map(({ score }) => score) ?? [];
  return <Spark values={values} low={0} high={10} label={text.history} />;
}

function Explanation({ scores, onClose }: { scores: GetScoresResponse; onClose: () => void }) {
  const text = useText(trafficPageText);
  const formula = useText({ en: scores.formulaEn, ru: scores.formulaRu });
  const english = useText({ en: true, ru: false });
  const rules = useQuery(CongestionService.method.listCongestionRules);
  return (
    <Dialog title={text.how} onClose={onClose}>
      <p>{formula}</p>
      <h3>{text.rules}</h3>
      {rules.isPending && <Skeleton />}
      {rules.error && <ProblemNotice error={rules.error} onRetry={rules.refetch} />}
      <ul className="list">
        {rules.data?.rules.map((rule) => (
          <li key={rule.rule}>
            <p>{english ? rule.descriptionEn : rule.descriptionRu}</p>
            <p className="hint">{rule.source}</p>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
