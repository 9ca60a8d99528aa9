// What goes to the application's stream, in which order, and what is dropped where Valkey cannot keep up.
import { expect, test } from "bun:test";
import { AttemptStream } from "../../../src/worker/after/attempt-stream.ts";
import type { FinishedAttempt } from "../../../src/worker/job.ts";
import { eventually } from "../../support/eventually.ts";
import { logLines } from "../log-lines.ts";

function attempt(n: number): FinishedAttempt {
  const made = {
    job: {
      webhook: { record: { id: "wh_1" }, owner: "org:o_1" },
      header: { id: `evt_${n}`, attempt: 1 },
      event: { type: "file.created" },
    },
    deliveryId: `delivery-${n}`,
    attempt: {
      outcome: { outcome: "delivered", reason: null, statusCode: 204 },
      startedAtMs: Date.UTC(2026, 0, 1),
      durationMs: 3,
      endpoint: "https://example.com/",
      redirectHost: null,
    },
  };
  return made as unknown as FinishedAttempt;
}

interface Written {
  ids: string[];
  release: (error?: Error) => void;
}

/** Each write waits until the test releases it. */
function open() {
  const log = logLines();
  const writes: Written[] = [];
  const lost = { attempts: 0 };
  const stream = new AttemptStream({
    write: (texts) =>
      new Promise<void>((resolve, reject) => {
        const ids = texts.map((text) => (JSON.parse(text) as { id: string }).id);
        writes.push({ ids, release: (error) => (error ? reject(error) : resolve()) });
      }),
    onDropped: (attempts) => (lost.attempts += attempts),
    log,
  });
  const nth = (n: number) => eventually(() => writes[n] ?? null);
  return { stream, log, writes, nth, lost };
}

test("attempts are written in groups, one at a time, in their order, with their owner", async () => {
  const { stream, writes, nth } = open();
  for (let n = 0; n < 600; n++) stream.add(attempt(n));
  const first = await nth(0);
  expect(writes).toHaveLength(1);
  first.release();
  (await nth(1)).release();
  (await nth(2)).release();
  await stream.flush();
  const all = writes.flatMap(({ ids }) => ids);
  expect(all).toEqual(Array.from({ length: 600 }, (_, n) => `evt_${n}`));
  expect(writes.map(({ ids }) => ids.length)).toEqual([256, 256, 88]);
});

test("what does not fit while Valkey is slow is dropped and counted, and the rest is written", async () => {
  const { stream, log, writes, nth, lost } = open();
  for (let n = 0; n < 11_000; n++) stream.add(attempt(n));
  const written = stream.flush();
  for (let n = 0; n < 41; n++) (await nth(n)).release();
  await written;
  // The group under way, and 10,000 that wait.
  const kept = writes.flatMap(({ ids }) => ids);
  expect(kept).toHaveLength(10_256);
  expect(kept.at(-1)).toBe("evt_10255");
  const reported = log.of("attempts.dropped").map(({ attempts }) => attempts as number);
  expect(reported.reduce((sum, one) => sum + one, 0)).toBe(744);
  expect(lost.attempts).toBe(744);
});

test("a write that fails costs its group, is logged with its cause, and the next one is tried", async () => {
  const { stream, log, nth } = open();
  stream.add(attempt(1));
  (await nth(0)).release(new Error("WRONGTYPE"));
  stream.add(attempt(2));
  (await nth(1)).release();
  await stream.flush();
  expect(log.of("attempts.dropped")).toMatchObject([{ attempts: 1, err: new Error("WRONGTYPE") }]);
});
