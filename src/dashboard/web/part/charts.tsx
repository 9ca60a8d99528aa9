// Charts of the series with one cursor over all. A canvas says nothing to a screen reader, so each has a label, and
// the same numbers are in a table behind a button.
import { useEffect, useRef, useState } from "preact/hooks";
import UPlot from "uplot";
import type { Series } from "../../../sdk/api-types.ts";
import { amount } from "../overview-figures.ts";
import { theme } from "../theme.ts";
import { Table, type Column } from "./table.tsx";

interface Line {
  name: string;
  values: readonly (number | null)[];
  /** A custom property of the style sheet. */
  color: string;
  dash?: number[];
}

interface ChartProps {
  title: string;
  unit: string;
  times: readonly number[];
  lines: readonly Line[];
}

const CURSOR = "overview";
const HEIGHT = 190;
/** Rows of the table: the last ones in which something was counted. */
const ROWS = 12;

export function Charts({
  series: { start, step_s, series: columns },
  range,
}: {
  series: Series;
  range: string;
}) {
  const startS = Date.parse(start) / 1_000;
  // The last step is not over: what it has counted so far would look like a fall.
  const series = columnsWithoutLast(columns);
  const times = series.delivered.map((_, at) => startS + at * step_s);
  const perSecond = (values: readonly (number | null)[]) =>
    values.map((value) => (value ?? 0) / step_s);
  return (
    <div class="charts" key={`${range} ${theme.value}`}>
      <Chart
        title="Attempts by outcome"
        unit="/s"
        times={times}
        lines={[
          { name: "delivered", values: perSecond(series.delivered), color: "--ok" },
          { name: "retried", values: perSecond(series.retry), color: "--link", dash: [6, 3] },
          { name: "parked", values: perSecond(series.parked), color: "--bad", dash: [2, 3] },
        ]}
      />
      <Chart
        title="Duration of attempts"
        unit=" ms"
        times={times}
        lines={[
          { name: "p50", values: series.p50_ms, color: "--ok" },
          { name: "p95", values: series.p95_ms, color: "--link", dash: [6, 3] },
          { name: "p99", values: series.p99_ms, color: "--bad", dash: [2, 3] },
        ]}
      />
      <Chart
        title="Waiting on the lists"
        unit=""
        times={times}
        lines={[
          { name: "elements", values: series.depth.map((n) => n ?? 0), color: "--link" },
          {
            name: "oldest, s",
            values: series.oldest_age_s.map((n) => n ?? 0),
            color: "--bad",
            dash: [2, 3],
          },
        ]}
      />
    </div>
  );
}

function columnsWithoutLast(columns: Series["series"]): Series["series"] {
  const entries = Object.entries(columns).map(([name, values]) => [name, values.slice(0, -1)]);
  return Object.fromEntries(entries) as Series["series"];
}

function Chart({ title, unit, times, lines }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const data = [times, ...lines.map(({ values }) => values)] as unknown as UPlot.AlignedData;
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const width = () => Math.max(200, element.clientWidth);
    const made = new UPlot(optionsOf(unit, lines, width(), setCursor), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: width(), height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [data]);
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <div ref={box} class="chart" role="img" aria-label={`${title}: ${summaryOf(lines, unit)}`} />
      <ul class="legend">
        {cursor !== null && <li>{clock(times[cursor] ?? 0)}</li>}
        {lines.map(({ name, values, color, dash }) => (
          <li>
            <svg viewBox="0 0 20 4" width="20" height="4" aria-hidden="true">
              <line
                x1="0"
                x2="20"
                y1="2"
                y2="2"
                stroke={`var(${color})`}
                stroke-width="3"
                stroke-dasharray={dash?.join(" ")}
              />
            </svg>
            {name} {cursor !== null && shown(values[cursor], unit)}
          </li>
        ))}
      </ul>
      <details>
        <summary>As a table</summary>
        <Numbers title={title} times={times} lines={lines} />
      </details>
    </figure>
  );
}

interface Row {
  time: number;
  values: (number | null)[];
}

function Numbers({ title, times, lines }: Omit<ChartProps, "unit">) {
  const rows = times
    .map((time, at): Row => ({ time, values: lines.map(({ values }) => values[at] ?? null) }))
    .filter(({ values }) => values.some((value) => value !== null && value !== 0))
    .slice(-ROWS)
    .toReversed();
  if (rows.length === 0) return <p>Nothing was counted.</p>;
  const columns: Column<Row>[] = [
    { title: "Time", isMain: true, cell: ({ time }) => clock(time) },
    ...lines.map(({ name }, at): Column<Row> => ({
      title: name,
      cell: ({ values }) => shown(values[at]),
    })),
  ];
  return <Table label={title} columns={columns} rows={rows} keyOf={({ time }) => String(time)} />;
}

function shown(value: number | null | undefined, unit = ""): string {
  return value === null || value === undefined ? "–" : `${amount(value)}${unit}`;
}

function optionsOf(
  unit: string,
  lines: readonly Line[],
  width: number,
  onCursor: (at: number | null) => void,
): UPlot.Options {
  const look = getComputedStyle(document.documentElement);
  const text = resolved("--muted");
  const grid = { stroke: resolved("--line"), width: 1 };
  const font = `12px ${look.fontFamily}`;
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    hooks: { setCursor: [({ cursor: { idx } }) => onCursor(idx ?? null)] },
    cursor: { sync: { key: CURSOR }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        stroke: text,
        font,
        grid,
        ticks: grid,
        space: 64,
        values: (_, ticks) => ticks.map(clock),
      },
      {
        stroke: text,
        font,
        grid,
        ticks: grid,
        size: 74,
        values: (_, ticks) => ticks.map((tick) => `${amount(tick)}${unit}`),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, color, dash }): UPlot.Series => ({
        label: name,
        stroke: resolved(color),
        width: 1.5,
        dash,
        points: { show: true, size: 4, filter: isolated },
      })),
    ],
  };
}

/** A value between two steps without any is no line: it is shown as a point. */
function isolated({ data }: UPlot, line: number): number[] {
  const values = data[line] ?? [];
  const isThere = (at: number) => values[at] !== null && values[at] !== undefined;
  const found: number[] = [];
  for (let at = 0; at < values.length; at += 1) {
    if (isThere(at) && !isThere(at - 1) && !isThere(at + 1)) found.push(at);
  }
  return found;
}

/** A canvas knows no custom property and no `light-dark()`: the colour as the page shows it. */
function resolved(property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function summaryOf(lines: readonly Line[], unit: string): string {
  return lines
    .map(({ name, values }) => {
      const last = values.findLast((value) => value !== null);
      return `${name} ${last === undefined || last === null ? "nothing" : amount(last) + unit}`;
    })
    .join(", ");
}

function clock(timeS: number): string {
  return new Date(timeS * 1_000).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
  });
}
