import type { WebhookId } from "../../../src/wire/ids.ts";
import { beforeEach, expect, test } from "bun:test";
import {
  HealthStore,
  type HealthChange,
  type HealthState,
} from "../../../src/valkey/webhooks/health-store.ts";
import { newDeliveryName, ownerTag } from "../../../src/valkey/queue/delivery-id.ts";
import { BodyStore, type AttemptToStore } from "../../../src/valkey/history/body-store.ts";
import { sharedKeys, type SharedKeys } from "../../../src/valkey/keys.ts";
import { Link } from "../../../src/valkey/connection/link.ts";
import { LogStore } from "../../../src/valkey/history/log-store.ts";
import { addRecent } from "../../../src/valkey/history/recent-lists.ts";
import type { LogEntry } from "../../../src/wire/log-entry.ts";
import type { OwnerRef } from "../../../src/wire/owner.ts";
import {
  AttemptLogger,
  type LoggedAttempt,
  type AttemptToLog,
  type AttemptLoggerOptions,
} from "../../../src/worker/after/attempt-log.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { deliveryHeader } from "../../valkey/queue/test-queue.ts";
import { useLab } from "../../valkey/queue/use-lab.ts";
import { logLines } from "../log-lines.ts";

const LIMITS = { size: 10, ttlMs: 60_000 };

const lab = useLab();
let keys: SharedKeys;
beforeEach(() => {
  keys = sharedKeys(freshPrefix());
});

function open(
  link: Link = lab.link,
  write: AttemptLoggerOptions["write"] = (lists) => addRecent(link, LIMITS, lists),
) {
  const log = logLines();
  const told: { changes: HealthChange[]; states: HealthState[] }[] = [];
  const recorder = new AttemptLogger({
    logs: new LogStore(link, keys, LIMITS),
    bodies: new BodyStore(link, keys),
    write,
    health: new HealthStore(link, keys),
    logSize: LIMITS.size,
    log,
    disabler: {
      apply: (changes, states) => told.push({ changes: [...changes], states: [...states] }),
    },
  });
  return { recorder, log, told, logs: new LogStore(lab.link, keys, LIMITS) };
}

let made = 0;

function attempt(
  owner: OwnerRef,
  health: LoggedAttempt["health"] = "success",
  webhookId: WebhookId = "wh_1",
): LoggedAttempt & AttemptToLog {
  made += 1;
  const delivery = newDeliveryName(ownerTag(owner));
  const outcome = health === "success" ? "delivered" : "retry";
  const entry: LogEntry = {
    delivery_id: delivery,
    webhook_id: webhookId,
    id: `evt_${made}`,
    endpoint: "http://127.0.0.1:9/",
    event: "file.created",
    status_code: health === "success" ? 200 : 500,
    duration_ms: 1,
    attempt: 1,
    outcome,
    reason: null,
    next_attempt_at: null,
    timestamp: "2026-01-02T03:04:05Z",
  };
  const header = deliveryHeader(delivery, { owner });
  const body: AttemptToStore = { header, outcome, element: Buffer.from("kept") };
  return { owner, webhookId, health, entry, body, toEntry: () => ({ entry, body }) };
}

const addAll = (recorder: AttemptLogger, attempts: readonly LoggedAttempt[]) => {
  for (const one of attempts) recorder.add(one);
};

test("attempts are written to their owners' logs, the newest first, without a call to flush", async () => {
  const { recorder, logs } = open();
  const attempts = [attempt("user:u_1"), attempt("org:o_1"), attempt("user:u_1")];
  addAll(recorder, attempts);
  await eventually(async () => {
    expect(await logs.read("user:u_1")).toEqual([attempts[2]!.entry, attempts[0]!.entry]);
    expect(await logs.read("org:o_1")).toEqual([attempts[1]!.entry]);
  });
});

test("an entry waits for the rest of its answer, the health does not; flush waits no longer", async () => {
  const { recorder, logs, told } = open();
  const body = Promise.withResolvers<void>();
  const late = { ...attempt("user:u_1", "failure"), waitFor: body.promise };
  const prompt = attempt("user:u_1");
  addAll(recorder, [late, prompt]);
  await eventually(async () => expect(await logs.read("user:u_1")).toEqual([prompt.entry]));
  await eventually(() => told.length === 1);
  body.resolve();
  await eventually(async () => expect(await logs.read("user:u_1")).toHaveLength(2));
  const never = { ...attempt("user:u_1"), waitFor: new Promise(() => {}) };
  addAll(recorder, [never]);
  await recorder.flush();
  expect((await logs.read("user:u_1"))[0]).toEqual(never.entry);
});

test("entries that go along with a settlement are sent in the same turn, and soon after that in groups again", async () => {
  const written: string[][] = [];
  const { recorder } = open(lab.link, (lists) => {
    written.push(lists.map(({ key }) => key));
    return Promise.resolve([]);
  });
  recorder.writeAlong();
  expect(written).toEqual([]);
  recorder.add(attempt("user:a"));
  recorder.writeAlong();
  expect(written).toEqual([[keys.logs("user:a"), keys.bodies(ownerTag("user:a"))]]);
  recorder.add(attempt("user:b"));
  recorder.writeAlong();
  recorder.add(attempt("user:c"));
  expect(written).toHaveLength(1);
  await eventually(() => written.length === 2);
  expect(written[1]).toHaveLength(4);
  await recorder.flush();
});

test("attempts that follow each other soon wait longer for others, and those of a quiet process do not", async () => {
  const written: string[] = [];
  const logging = (name: string) =>
    open(lab.link, () => {
      written.push(name);
      return Promise.resolve([]);
    });
  const busy = logging("busy").recorder;
  addAll(
    busy,
    Array.from({ length: 50 }, () => attempt("user:a")),
  );
  busy.writeAlong();
  expect(written).toEqual(["busy"]);
  busy.add(attempt("user:a"));
  const quiet = logging("quiet").recorder;
  quiet.add(attempt("user:a"));
  await eventually(() => written.length === 3);
  expect(written).toEqual(["busy", "quiet", "busy"]);
});

test("the entries of many busy owners are written in several scripts, none of them large", async () => {
  const sizes: number[] = [];
  const { recorder } = open(lab.link, (lists) => {
    sizes.push(lists.reduce((sum, { entries }) => sum + entries.length, 0));
    return Promise.resolve([]);
  });
  for (let owner = 0; owner < 100; owner += 1) {
    addAll(
      recorder,
      Array.from({ length: 4 }, () => attempt(`user:o${owner}`)),
    );
  }
  await eventually(() => sizes.reduce((sum, size) => sum + size, 0) === 2 * 400);
  expect(sizes.length).toBeGreaterThan(2);
  // Of each attempt an entry of the log and one with its body.
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * (128 + 3));
});

test("the first success after a failure is written promptly, one that follows others later", async () => {
  const { recorder, told } = open();
  addAll(recorder, [
    attempt("user:a", "success", "wh_well"),
    attempt("user:a", "failure", "wh_ill"),
  ]);
  await eventually(() => told.length === 1);
  recorder.add(attempt("user:a", "success", "wh_ill"));
  await eventually(() => told.length === 3);
  expect(told.flatMap(({ changes }) => changes.map(({ webhookId }) => webhookId))).toEqual([
    "wh_ill",
    "wh_ill",
    "wh_well",
  ]);
});

test("a log keeps the last of many attempts", async () => {
  const { recorder, logs } = open();
  const attempts = Array.from({ length: 57 }, () => attempt("user:u_1"));
  addAll(recorder, attempts);
  await recorder.flush();
  const last = attempts.slice(-LIMITS.size).map(({ entry }) => entry);
  expect(await logs.read("user:u_1")).toEqual(last.toReversed());
});

test("a body that can be redelivered is found by its delivery", async () => {
  const { recorder } = open();
  const one = attempt("user:u_1");
  addAll(recorder, [one, attempt("user:u_2")]);
  await recorder.flush();
  const store = new BodyStore(lab.link, keys);
  expect(await store.find(one.body.header.delivery)).toEqual({ ...one.body, element: "kept" });
  expect(await store.find(newDeliveryName(ownerTag("user:u_1")))).toBeNull();
});

test("the health of each webhook is reported once per group, without attempts that ask to wait", async () => {
  const { recorder, told } = open();
  addAll(recorder, [
    attempt("user:u_1", "failure", "wh_a"),
    attempt("user:u_1", "success", "wh_a"),
    attempt("user:u_1", "failure", "wh_a"),
    attempt("user:u_2", "failure", "wh_b"),
    attempt("user:u_2", "failure", "wh_b"),
    attempt("user:u_2", "ignored", "wh_c"),
  ]);
  await recorder.flush();
  expect(told.map(({ changes }) => changes)).toEqual([
    [
      { webhookId: "wh_a", failures: 1, succeeded: true, failed: true },
      { webhookId: "wh_b", failures: 2, succeeded: false, failed: true },
    ],
  ]);
  expect(told[0]?.states.map((state) => state.consecutiveFailures)).toEqual([1, 2]);
});

test("the logs of more owners than one script takes are all written", async () => {
  const { recorder, logs, told } = open();
  const owners = Array.from({ length: 450 }, (_, i): OwnerRef => `user:u_${i}`);
  addAll(
    recorder,
    owners.map((owner) => attempt(owner, "success", `wh_${owner}`)),
  );
  await recorder.flush();
  for (const owner of owners) expect(await logs.read(owner)).toHaveLength(1);
  expect(told.flatMap(({ changes }) => changes)).toHaveLength(450);
});

test("a slow answer of Valkey delays no other attempts", async () => {
  const answers = Promise.withResolvers<void>();
  const asked: number[] = [];
  const { recorder, logs } = open(lab.link, async (lists) => {
    asked.push(lists.length);
    await answers.promise;
    return addRecent(lab.link, LIMITS, lists);
  });
  const owners = Array.from({ length: 450 }, (_, i): OwnerRef => `user:u_${i}`);
  addAll(
    recorder,
    owners.map((owner) => attempt(owner)),
  );
  // A log and the kept bodies of each.
  await eventually(() => expect(asked.reduce((sum, n) => sum + n, 0)).toBe(900));
  expect(asked.length).toBeGreaterThan(1);
  answers.resolve();
  await recorder.flush();
  for (const owner of owners) expect(await logs.read(owner)).toHaveLength(1);
});

test("attempts that come while an owner's others wait are written with them", async () => {
  let scripts = 0;
  const { recorder, logs } = open(lab.link, (lists) => {
    scripts += 1;
    return addRecent(lab.link, LIMITS, lists);
  });
  const attempts = [attempt("user:u_1"), attempt("user:u_1"), attempt("user:u_1")];
  for (const one of attempts) {
    recorder.add(one);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(async () => expect(await logs.read("user:u_1")).toHaveLength(3));
  expect(scripts).toBe(1);
});

test("a log key of another type costs only that log", async () => {
  const { recorder, log, logs, told } = open();
  await lab.redis.set(keys.logs("user:bad"), "no list");
  addAll(recorder, [attempt("user:bad", "failure"), attempt("user:good")]);
  await recorder.flush();
  expect(await logs.read("user:good")).toHaveLength(1);
  expect(told).toHaveLength(1);
  expect(log.of("log.dropped")).toEqual([{ lists: 1, keys: [expect.any(String)] }]);
});

test("while Valkey is down attempts are dropped with one log line per group, and nothing is thrown", async () => {
  const link = new Link({ url: "redis://127.0.0.1:1", name: "nowhere", deadlineMs: 100 }).open();
  const { recorder, log, told } = open(link);
  addAll(recorder, [attempt("user:u_1"), attempt("user:u_2")]);
  await recorder.flush();
  expect(log.of("log.dropped")).toMatchObject([{ owners: 2 }]);
  expect(told).toEqual([]);
  link.close();
});

test("attempts beyond ten thousand owners in a group are dropped and counted, so memory is bounded", async () => {
  const link = new Link({ url: "redis://127.0.0.1:1", name: "nowhere", deadlineMs: 100 }).open();
  const { recorder, log } = open(link);
  const one = attempt("user:u_1");
  // All in one turn of the event loop: nothing is written meanwhile.
  for (let i = 0; i < 10_003; i++) recorder.add({ ...one, owner: `user:u_${i}` });
  await recorder.flush();
  expect(log.of("log.dropped")).toMatchObject([{ owners: 10_000 }, { attempts: 3 }]);
  link.close();
});
