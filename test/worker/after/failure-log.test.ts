import { expect, test } from "bun:test";
import type { FailuresOfOwner, FailureToStore } from "../../../src/valkey/history/failure-store.ts";
import { FailureLogger } from "../../../src/worker/after/failure-log.ts";
import { eventually } from "../../support/eventually.ts";
import { logLines } from "../log-lines.ts";

const SIZE = 3;

function open(add?: (owners: readonly FailuresOfOwner[]) => Promise<string[]>) {
  const written: FailuresOfOwner[] = [];
  const log = logLines();
  const store = {
    add: add ?? (async (owners: readonly FailuresOfOwner[]) => (written.push(...owners), [])),
  };
  const counters = { logEntriesDropped: 0 };
  const logger = new FailureLogger({ store, size: SIZE, log, counters });
  return { written, log, logger, counters };
}

/** Only its name matters here. */
const failure = (name: string) => ({ header: { id: name } }) as FailureToStore;
const namesOf = ({ failures }: FailuresOfOwner) => failures.map(({ header }) => header.id);

test("failed attempts are written in groups, the last ones of each webhook, without a call to flush", async () => {
  const { written, logger } = open();
  let described = 0;
  for (let n = 0; n < 50; n += 1) {
    for (const webhookId of ["wh_a", "wh_b"] as const) {
      const toFailure = () => ((described += 1), failure(`${webhookId} ${n}`));
      logger.add({ tag: "t1", webhookId, waitFor: null, toFailure });
    }
  }
  await eventually(() => written.length === 1);
  expect(namesOf(written[0]!)).toEqual([
    "wh_a 47",
    "wh_a 48",
    "wh_a 49",
    "wh_b 47",
    "wh_b 48",
    "wh_b 49",
  ]);
  // Those that are not written are not described either.
  expect(described).toBe(6);
});

test("an attempt waits for the rest of its answer; flush waits no longer", async () => {
  const { written, logger } = open();
  const body = Promise.withResolvers<void>();
  const add = (name: string, waitFor: Promise<void> | null) =>
    logger.add({ tag: "t1", webhookId: "wh_a", waitFor, toFailure: () => failure(name) });
  add("late", body.promise);
  add("at once", null);
  await eventually(() => written.length === 1);
  expect(written.flatMap(namesOf)).toEqual(["at once"]);
  body.resolve();
  await eventually(() => written.length === 2);
  add("never", new Promise(() => {}));
  await logger.flush();
  expect(written.flatMap(namesOf)).toEqual(["at once", "late", "never"]);
});

test("what cannot be written is dropped, counted and logged", async () => {
  let calls = 0;
  const { log, logger, counters } = open(async () => {
    calls += 1;
    if (calls === 1) throw new Error("Valkey is away");
    return ["a key"];
  });
  for (const tag of ["t1", "t2"]) {
    logger.add({ tag, webhookId: "wh_a", waitFor: null, toFailure: () => failure(tag) });
    await logger.flush();
  }
  const dropped = log.of("failures.dropped");
  expect(dropped).toHaveLength(2);
  expect(dropped[1]).toMatchObject({ owners: 1, keys: ["a key"] });
  expect(counters.logEntriesDropped).toBe(2);
});
