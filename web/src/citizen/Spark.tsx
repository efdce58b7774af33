// A small line of values over time, with its ends and its extremes in words.
import { useFormat } from "~/i18n/format";

const WIDTH = 240;
const HEIGHT = 56;

export function Spark({
  values,
  label,
  low = Math.min(...values),
  high = Math.max(...values),
}: {
  values: readonly number[];
  label: string;
  low?: number;
  high?: number;
}) {
  const format = useFormat();
  if (values.length < 2) return null;
  const span = Math.max(high - low, 1e-6);
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * WIDTH;
    const y = HEIGHT - 4 - ((value - low) / span) * (HEIGHT - 8);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const number = (value: number | undefined) => format.number(value ?? 0, 1);
  const range = `${number(Math.min(...values))}–${number(Math.max(...values))}`;
  return (
    <figure className="spark">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${label}: ${range}`}
        preserveAspectRatio="none"
      >
        <polyline points={points.join(" ")} />
      </svg>
      <figcaption className="hint">{`${label}: ${range}`}</figcaption>
    </figure>
  );
}
