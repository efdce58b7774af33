// A chart of values over time, drawn by uPlot, in the colours of the page; a table says the same to those who do not see it.
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "react";
import UPlot from "uplot";
import { useFormat } from "~/i18n/format";
import { useLocale } from "~/i18n/locale";
import { defineText, useText } from "~/i18n/text";
import { Table } from "~/kit";
import { useShade } from "~/theme/theme";

export interface Series {
  readonly label: string;
  /** A custom property of `theme/tokens.css`. */
  readonly color: string;
  readonly values: readonly (number | null)[];
  readonly dashed?: boolean;
  /** Against the scale on the right. */
  readonly second?: boolean;
  /** Fills the space between this series and the one before. */
  readonly band?: boolean;
}

const HEIGHT = 260;

const chartText = defineText({
  en: { numbers: "As numbers", time: "Time" },
  ru: { numbers: "Числами", time: "Время" },
});

interface Props {
  /** What the chart shows, for those who hear the page. */
  label: string;
  /** Seconds since 1970, ascending. */
  times: readonly number[];
  series: readonly Series[];
}

export default function Chart({ label, times, series }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const shade = useShade();
  const locale = useLocale();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme's colours are read anew when the theme changes
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--text-soft"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
    };
    const bands = series.flatMap((each, index): UPlot.Band[] =>
      each.band ? [{ series: [index + 1, index], fill: color("--accent-soft") }] : [],
    );
    const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
    const plot = new UPlot(
      {
        width: element.clientWidth || 600,
        height: HEIGHT,
        bands,
        cursor: { drag: { x: false, y: false } },
        scales: { second: { range: [0, 100] } },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1000)) },
          { ...axis, size: 44 },
          ...(series.some((each) => each.second)
            ? [{ ...axis, scale: "second", side: 1 as const, size: 44, grid: { show: false } }]
            : []),
        ],
        series: [
          { label: "", value: (_, time) => (time === null ? "" : clock.format(time * 1000)) },
          ...series.map((each) => ({
            label: each.label,
            stroke: color(each.color),
            width: 2,
            scale: each.second ? "second" : "y",
            points: { show: false },
            ...(each.dashed ? { dash: [6, 4] } : {}),
          })),
        ],
      },
      [[...times], ...series.map((each) => [...each.values])],
      element,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [times, series, shade, locale]);
  return (
    <>
      <div ref={box} className="chart" role="img" aria-label={label} />
      <Numbers label={label} times={times} series={series} />
    </>
  );
}

/** The same as a table, made when somebody asks for it. */
function Numbers({ label, times, series }: Props) {
  const text = useText(chartText);
  const format = useFormat();
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{text.numbers}</summary>
      {open && (
        <Table
          caption={label}
          columns={[
            { key: "time", head: text.time, cell: (row) => format.dateTime(new Date(row.time * 1000)) },
            ...series.map((each) => ({
              key: each.label,
              head: each.label,
              number: true,
              cell: ({ index }: { index: number }) => {
                const value = each.values[index] ?? undefined;
                return value === undefined ? "–" : format.number(value, 1);
              },
            })),
          ]}
          rows={times.map((time, index) => ({ time, index }))}
          rowKey={({ time }) => String(time)}
        />
      )}
    </details>
  );
}
