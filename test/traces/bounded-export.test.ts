// What is exported, and what is dropped where the collector cannot keep up.
import { ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { expect, test } from "bun:test";
import { BoundedExport, MAX_WAITING } from "../../src/traces/bounded-export.ts";
import { logLines } from "../worker/log-lines.ts";

const span = (n: number, traceFlags = 1) =>
  ({ name: `span-${n}`, spanContext: () => ({ traceFlags }) }) as unknown as ReadableSpan;

/** A collector that answers when the test says so. */
function open() {
  const log = logLines();
  const groups: { names: string[]; answer: (error?: Error) => void }[] = [];
  const exporter: SpanExporter = {
    export(spans, done) {
      const names = spans.map(({ name }) => name);
      const answer = (error?: Error) =>
        done(error ? { code: ExportResultCode.FAILED, error } : { code: ExportResultCode.SUCCESS });
      groups.push({ names, answer });
    },
    shutdown: () => Promise.resolve(),
  };
  const lost = { spans: 0 };
  const onDropped = (spans: number) => void (lost.spans += spans);
  return { spans: new BoundedExport({ exporter, log, onDropped }), log, groups, lost };
}

test("spans are exported in groups, one request at a time, in their order", async () => {
  const { spans, groups } = open();
  for (let n = 0; n < 1_100; n++) spans.onEnd(span(n));
  expect(groups).toHaveLength(1);
  groups[0]?.answer();
  groups[1]?.answer();
  const stopped = spans.stop(10_000);
  groups[2]?.answer();
  await stopped;
  const names = groups.flatMap((group) => group.names);
  expect(names).toEqual(Array.from({ length: 1_100 }, (_, n) => `span-${n}`));
});

test("while the collector hangs, a bounded number waits and the rest is counted", async () => {
  const { spans, log, groups, lost } = open();
  for (let n = 0; n < 20_000; n++) spans.onEnd(span(n));
  expect(spans.hasRoom).toBeFalse();
  expect(groups).toHaveLength(1);
  await spans.stop(10);
  // 512 are under way, and it is not known whether they arrive.
  expect(log.of("traces.dropped")).toMatchObject([{ spans: 20_000 - 512 }]);
  expect(lost.spans).toBe(20_000 - 512);
  expect(20_000 - 512).toBeGreaterThan(MAX_WAITING);
});

test("spans that the collector refuses are counted, with the cause, and the next ones are tried", async () => {
  const { spans, log, groups } = open();
  for (let n = 0; n < 512; n++) spans.onEnd(span(n));
  groups[0]?.answer(new Error("503"));
  expect(log.of("traces.dropped")).toMatchObject([{ spans: 512, err: new Error("503") }]);
  for (let n = 0; n < 512; n++) spans.onEnd(span(n));
  expect(groups).toHaveLength(2);
  groups[1]?.answer();
  await spans.stop(10_000);
});

test("a span that is not sampled is not exported", async () => {
  const { spans, groups } = open();
  spans.onEnd(span(1, 0));
  await spans.stop(10_000);
  expect(groups).toEqual([]);
});
