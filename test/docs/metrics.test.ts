// docs/metrics.md, the alert rules and the Grafana dashboard name the metrics that there are, and no other.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { METRICS } from "../../src/metrics/expose.ts";

const ROOT = join(import.meta.dir, "../..");
const read = (file: string) => Bun.file(join(ROOT, file)).text();
const page = await read("docs/metrics.md");
const operations = await read("docs/operations.md");
const rules = await read("docs/monitoring/alerts.yml");
const ruleTests = await read("docs/monitoring/alerts.test.yml");
const grafana = JSON.parse(await read("docs/monitoring/grafana.json")) as Dashboard;

interface Dashboard {
  panels: {
    id: number;
    title: string;
    datasource: { uid: string };
    gridPos: { x: number; y: number; w: number; h: number };
    targets: { expr: string; datasource: { uid: string } }[];
  }[];
}

const names = METRICS.map(({ name }) => name);

/** A histogram has three names (Prometheus' text format, "Histograms and summaries"). */
const series = METRICS.flatMap(({ name, type }) =>
  type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
);

const namesIn = (text: string) => [
  ...new Set(text.match(/\b(?:fluxhook|process)_[a-z_]+\b/g) ?? []),
];

describe("docs/metrics.md", () => {
  test("has a row for every metric, and no other", () => {
    const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (?:counter|gauge|histogram) /gm)];
    expect(rows.map(([, name]) => name)).toEqual(names);
  });

  test("names no metric that there is not", () => {
    expect(namesIn(page).filter((name) => !names.includes(name))).toEqual([]);
    expect(namesIn(operations).filter((name) => !names.includes(name))).toEqual([]);
  });
});

test("metrics have names and labels by Prometheus' conventions, and none names a user, a url or a webhook", () => {
  expect(new Set(names).size).toBe(names.length);
  for (const { name, type, help, labels } of METRICS) {
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
    expect([name, help.length > 20]).toEqual([name, true]);
    const allowed =
      /^(queue|result|reason|outcome|dialect|end|rule|list|kind|reused|class|status_class|call|state|version|bun|claim)$/;
    expect(labels.filter((label) => !allowed.test(label))).toEqual([]);
  }
});

describe("the alert rules", () => {
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);

  test("are 13, use only metrics that there are, and each has tests of both kinds", () => {
    expect(alerts).toHaveLength(13);
    expect(namesIn(rules).filter((name) => !series.includes(name))).toEqual([]);
    for (const alert of alerts) {
      const cases = ruleTests.split(`alertname: ${alert}`).slice(1);
      const isSilent = (text: string) => /^\s*,? exp_alerts: \[\]|^,\s*exp_alerts: \[\]/.test(text);
      expect([alert, cases.some(isSilent), cases.some((text) => !isSilent(text))]).toEqual([
        alert,
        true,
        true,
      ]);
    }
  });

  test("have an entry in docs/operations.md each, and there is no other entry", () => {
    const [, section = ""] = operations.split("\n## Alert rules\n");
    const [text = ""] = section.split(/\n## /);
    const headings = [...text.matchAll(/^### (\w+)$/gm)].map(([, name = ""]) => name);
    expect(headings).toEqual(alerts);
    const runbooks = [...rules.matchAll(/runbook: "docs\/operations\.md#(\w+)"/g)];
    expect(runbooks.map(([, anchor]) => anchor)).toEqual(alerts.map((name) => name.toLowerCase()));
  });
});

describe("the Grafana dashboard", () => {
  test("has panels with different ids, that ask the chosen data source and do not overlap", () => {
    const { panels } = grafana;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const sources = panels.flatMap((panel) => [
      panel.datasource.uid,
      ...panel.targets.map(({ datasource }) => datasource.uid),
    ]);
    expect([...new Set(sources)]).toEqual(["${datasource}"]);
    for (const [at, { gridPos: a, title }] of panels.entries()) {
      expect(a.x + a.w).toBeLessThanOrEqual(24);
      for (const { gridPos: b, title: other } of panels.slice(at + 1)) {
        const isApart =
          a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect([title, other, isApart]).toEqual([title, other, true]);
      }
    }
  });

  test("uses only metrics that there are, and nearly all of them", () => {
    const used = namesIn(
      grafana.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n"),
    );
    expect(used.filter((name) => !series.includes(name))).toEqual([]);
    expect(used.length).toBeGreaterThan(25);
  });
});
