// Draws the backlog's medians as an SVG for the README; it stands on light and dark pages alike.
import * as echarts from "echarts";
import { medianOf, type Result } from "./bench.ts";

const WIDTH = 720;
const ROW_HEIGHT = 44;
const OWN = "#2563eb";
const OTHERS = "#94a3b8";
/** Legible on white and on black. */
const TEXT = "#7d8590";

export function drawChart({ rows }: Result): string {
  const bars = rows.map((row) => ({
    name: row.name,
    value: Math.round(medianOf(row, "per_second")),
  }));
  const chart = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: 60 + bars.length * ROW_HEIGHT,
  });
  chart.setOption({
    animation: false,
    textStyle: { color: TEXT, fontFamily: "system-ui, sans-serif" },
    title: {
      text: "Signed deliveries per second, one process on one core",
      textStyle: { color: TEXT, fontSize: 14 },
    },
    grid: { left: 8, right: 72, top: 40, bottom: 4, containLabel: true },
    xAxis: { type: "value", show: false },
    yAxis: {
      type: "category",
      inverse: true,
      data: bars.map(({ name }) => name),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: TEXT, fontSize: 13 },
    },
    series: [
      {
        type: "bar",
        barWidth: 24,
        data: bars.map(({ name, value }) => ({
          value,
          itemStyle: { color: name === "Fluxhook" ? OWN : OTHERS, borderRadius: 3 },
        })),
        label: {
          show: true,
          position: "right",
          color: TEXT,
          formatter: ({ value }: { value: unknown }) => Number(value).toLocaleString("en-US"),
        },
      },
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
