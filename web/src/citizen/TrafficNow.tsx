// How the city moves at this moment: score, jams, warnings. Nothing where no traffic is measured.
import { JamsCard, Warnings } from "./Jams";
import { useFreshTraffic } from "./traffic";

export { ScoreCard } from "./ScoreCard";

export function JamsNow() {
  useFreshTraffic();
  return (
    <div className="stack jams-now">
      <JamsCard />
      <Warnings />
    </div>
  );
}
