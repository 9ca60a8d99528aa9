import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { WorkflowStore } from "../../../src/valkey/inbound/workflow-store.ts";
import { inboundKeys } from "../../../src/valkey/keys.ts";
import { SecretBox } from "../../../src/valkey/webhooks/secret-box.ts";
import { parseExactJson } from "../../../src/wire/exact-json.ts";
import { workflowInputSchema, type WorkflowRecord } from "../../../src/wire/workflow/workflow.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { QueueLab } from "../queue/test-queue.ts";

const KEY = Buffer.alloc(32, 7).toString("base64");
const UNUSED_MS = 60_000;

let lab: QueueLab;
let prefix: string;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());
beforeEach(() => {
  prefix = freshPrefix();
});

function open(keys: string[] = [], unreadable: string[] = []): WorkflowStore {
  return new WorkflowStore(lab.link, prefix, {
    box: new SecretBox(keys),
    maxWorkflows: 3,
    unusedRevisionMs: UNUSED_MS,
    onUnreadable: (id, why) => unreadable.push(`${id} ${why}`),
  });
}

function record(id = "w", others: Partial<WorkflowRecord> = {}): WorkflowRecord {
  const input = workflowInputSchema.parse({
    name: "W",
    trigger: { verification: { scheme: "meta", verify_token: "verify-me-now" } },
    nodes: [{ id: "a", type: "set", value: 1 }],
  });
  return {
    id,
    ...input,
    enabled: true,
    revision: 1,
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
    secrets: [{ secret: "canary-secret", expires_at: null }],
    ...others,
  };
}

const ttl = (revision: number) => lab.redis.pttl(inboundKeys(prefix).revision("w", revision));

test("a workflow is read as it was stored, numbers as they were written", async () => {
  const store = open();
  const value = parseExactJson('{"price":1.10,"id":12345678901234567890}') as object;
  await store.create(record("w", { nodes: [{ id: "a", type: "set", value }] }));
  const read = await store.get("w");
  expect(JSON.stringify(read?.nodes[0])).toBe(
    '{"id":"a","type":"set","value":{"price":1.10,"id":12345678901234567890}}',
  );
  expect(read?.secrets).toEqual([{ secret: "canary-secret", expires_at: null }]);
  expect(JSON.stringify((await store.revision("w", 1))?.nodes)).toContain("1.10");
});

test("an id that is taken, and one workflow more than the maximum, are refused", async () => {
  const store = open();
  for (const id of ["a", "b", "c"])
    expect(await store.create(record(id))).toEqual({ created: true });
  expect(await store.create(record("a"))).toEqual({ created: false, why: "duplicate" });
  expect(await store.create(record("d"))).toEqual({ created: false, why: "full" });
  expect(await store.ids()).toEqual(["a", "b", "c"]);
});

test("the secret and the verify token are sealed, and open only under the workflow's id", async () => {
  const store = open([KEY]);
  await store.create(record());
  const { workflows } = inboundKeys(prefix);
  const text = (await lab.redis.hget(workflows, "w")) ?? "";
  expect(text).not.toContain("canary-secret");
  expect(text).not.toContain("verify-me-now");
  expect((await store.get("w"))?.trigger.verification.verify_token).toBe("verify-me-now");
  await lab.redis.hset(workflows, "v", text.replace('"id":"w"', '"id":"v"'));
  expect((await store.get("v"))?.secrets).toEqual([]);
});

test("without the key a workflow has no secret, and a change keeps what is sealed", async () => {
  await open([KEY]).create(record());
  const unreadable: string[] = [];
  const without = open([], unreadable);
  expect((await without.get("w"))?.secrets).toEqual([]);
  expect(unreadable).toEqual(["w sealed"]);
  await without.update("w", (current) => ({ ...current, enabled: false }));
  const again = await open([KEY]).get("w");
  expect([again?.enabled, again?.secrets[0]?.secret]).toEqual([false, "canary-secret"]);
});

test("resealing seals what is plain, and what is under an older key", async () => {
  await open().create(record());
  const other = Buffer.alloc(32, 8).toString("base64");
  expect(await open([KEY]).sealPage(null)).toEqual({ next: null, sealed: 1, unreadable: 0 });
  expect(await open([other, KEY]).sealPage(null)).toMatchObject({ sealed: 1 });
  expect(await open([other, KEY]).sealPage(null)).toMatchObject({ sealed: 0, unreadable: 0 });
  expect(await open([KEY]).sealPage(null)).toMatchObject({ sealed: 0, unreadable: 1 });
  expect((await open([other]).get("w"))?.secrets[0]?.secret).toBe("canary-secret");
});

test("a damaged record is reported and can be deleted", async () => {
  await lab.redis.hset(inboundKeys(prefix).workflows, "w", "{}");
  const unreadable: string[] = [];
  const store = open([], unreadable);
  expect(await store.get("w")).toBeNull();
  expect(unreadable).toEqual(["w damaged"]);
  expect(await store.update("w", (one) => one)).toEqual({ updated: null, why: "unreadable" });
  expect(await store.delete("w")).toBe(true);
  expect(await store.delete("w")).toBe(false);
});

test("a workflow of a later version is read, and a change keeps the fields that this version does not know", async () => {
  const stored = {
    id: "w",
    revision: 3,
    name: "W",
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
    color: "green",
    trigger: {
      verification: { scheme: "github", audience: "a" },
      response: { mode: "lastNode", delay_ms: 5 },
      schedule: "daily",
    },
    nodes: [{ id: "a", type: "set", value: 1, memo: true }],
    credentials: {
      secrets: [{ secret: "canary-secret", expires_at: null, made_by: "x" }],
      client_secret: "another-canary",
    },
  };
  const { workflows } = inboundKeys(prefix);
  await lab.redis.hset(workflows, "w", JSON.stringify(stored));
  const store = open([KEY]);
  const read = await store.get("w");
  // What an earlier version has not stored has its default.
  expect(read).toMatchObject({
    enabled: true,
    trigger: { accepts: ["json"], concurrency: 64, response: { status: 200, headers: {} } },
    secrets: [{ secret: "canary-secret" }],
  });
  await store.update("w", (current) => ({ ...current, enabled: false }));
  expect(await store.sealPage(null)).toMatchObject({ unreadable: 0 });
  const text = (await lab.redis.hget(workflows, "w")) ?? "";
  expect(text).not.toContain("canary");
  // Unsealed, to look at it.
  const { credentials, ...rest } = JSON.parse(text) as { credentials: string };
  expect(rest).toMatchObject({
    color: "green",
    trigger: {
      verification: { audience: "a" },
      response: { delay_ms: 5 },
      schedule: "daily",
    },
    nodes: [{ memo: true }],
  });
  const place = JSON.stringify(["workflow", "w", "credentials"]);
  const opened = await new SecretBox([KEY]).open(credentials, place);
  expect(opened.kind === "opened" && JSON.parse(opened.text)).toEqual(stored.credentials);
});

test("a workflow whose scheme this version does not know is reported and not verified by another scheme", async () => {
  await open().create(record());
  const { workflows } = inboundKeys(prefix);
  const text = (await lab.redis.hget(workflows, "w")) ?? "";
  await lab.redis.hset(workflows, "w", text.replace('"meta"', '"later"'));
  const unreadable: string[] = [];
  expect(await open([], unreadable).get("w")).toBeNull();
  expect(unreadable).toEqual(["w damaged"]);
});

test("a revision that an execution uses stays when it is replaced or its workflow is deleted", async () => {
  const store = open();
  await store.create(record());
  const { revisionUses } = inboundKeys(prefix);
  await lab.redis.hset(revisionUses, "w:1", 1);
  await store.update("w", (current) => ({ ...current, revision: 2 }));
  expect(await ttl(1)).toBe(-1);
  // Nothing uses this one.
  await store.update("w", (current) => ({ ...current, revision: 3 }));
  expect(await ttl(2)).toBeGreaterThan(0);
  expect(await ttl(3)).toBe(-1);
  await store.delete("w");
  expect(await ttl(3)).toBeGreaterThan(0);
  expect(await ttl(1)).toBe(-1);
  expect(await lab.redis.hget(inboundKeys(prefix).newestRevisions, "w")).toBeNull();
});

test("two changes at the same time are both applied", async () => {
  const store = open();
  await store.create(record());
  await Promise.all(
    Array.from({ length: 5 }, () =>
      store.update("w", (current) => ({ ...current, revision: current.revision + 1 })),
    ),
  );
  expect((await store.get("w"))?.revision).toBe(6);
  expect(await store.version()).toBe(6);
});
