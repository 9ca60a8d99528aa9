import { expect, test } from "bun:test";
import { needsOf, type NeedLimits } from "../../src/control/needs.ts";
import type { Figures, QueueFigures } from "../../src/valkey/history/stats-store.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";

const worker = { id: "w", sinceBeatMs: 900, info: null };
const queue: QueueFigures = {
  name: "q",
  depth: 0,
  ready: 0,
  scheduled: 0,
  due: 0,
  lanes: 0,
  parked: 0,
  parkedBytes: 0,
  workers: [worker],
  ended: {},
};
const well: Figures = {
  queues: [queue],
  rejected: 0,
  webhooks: 1,
  disabledWebhooks: 0,
  server: {
    version: "8.0.1",
    usedMemory: 10,
    maxMemory: 100,
    appendOnly: true,
    evictionPolicy: "noeviction",
    roundTripMs: 1,
  },
};
const limits: NeedLimits = {
  parked: { maxDeliveries: 100, maxBytes: 1_000, ttlMs: 1 },
  rejectedMax: 100,
  alertAgeMs: 60_000,
};

function kinds(figures: Partial<Figures>, oldestMs = 0) {
  const needs = needsOf({ ...well, ...figures }, new Map([["q", oldestMs]]), [], limits);
  return needs.map(({ kind, about }) => `${kind} ${about}`);
}

test("a service that is well needs nobody", () => {
  expect(kinds({})).toEqual([]);
});

test.each<[string, Partial<QueueFigures>, number]>([
  ["no-worker q", { workers: [] }, 0],
  ["worker-silent w", { workers: [{ ...worker, sinceBeatMs: 7_000 }] }, 0],
  ["queue-delayed q", { depth: 3 }, 60_000],
  ["parked q", { parked: 1 }, 0],
  ["parked-full q", { parked: 80 }, 0],
  ["parked-full q", { parked: 1, parkedBytes: 900 }, 0],
])("a list with a problem needs the operator: %s", (expected, changed, oldestMs) => {
  expect(kinds({ queues: [{ ...queue, ...changed }] }, oldestMs)).toEqual([expected]);
});

test.each<[string, Partial<Figures>]>([
  ["rejected rejected", { rejected: 1 }],
  ["rejected-full rejected", { rejected: 80 }],
  ["valkey-append-only valkey", { server: { ...well.server, appendOnly: false } }],
  ["valkey-eviction valkey", { server: { ...well.server, evictionPolicy: "allkeys-lru" } }],
  ["valkey-memory valkey", { server: { ...well.server, usedMemory: 80 } }],
])("what is shared needs the operator: %s", (expected, changed) => {
  expect(kinds(changed)).toEqual([expected]);
});

test("what the server does not report needs nobody", () => {
  const unknown = { version: null, usedMemory: null, maxMemory: null, appendOnly: null };
  expect(kinds({ server: { ...unknown, evictionPolicy: null, roundTripMs: 1 } })).toEqual([]);
});

test("webhooks that failed need the operator, those that their owners disabled do not", () => {
  const disabled = ["gone", "failing", "manual"].map((disabled_reason, at) => ({
    ...webhookRecord({ id: `wh_${at}` }),
    enabled: false,
    disabled_reason,
  }));
  const needs = needsOf(well, new Map(), disabled, limits);
  expect(needs.map(({ about }) => about)).toEqual(["wh_0", "wh_1"]);
  expect(needs[0]?.message).toContain("410 Gone");
});
