// How the city moves at this moment: score, warnings, jams. Nothing where no traffic is measured.
import { JamsCard, Warnings } from "./Jams";
import { ScoreCard } from "./ScoreCard";
import { useFreshTraffic } from "./traffic";

export default function TrafficNow() {
  useFreshTraffic();
  return (
    <>
      <Warnings />
      <div className="columns traffic-now">
        <ScoreCard />
        <JamsCard />
      </div>
    </>
  );
}
