// Secrets are sealed if there is a key, and stay readable when keys are replaced.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { sharedKeys, type SharedKeys } from "../../../src/valkey/keys.ts";
import { SecretBox } from "../../../src/valkey/webhooks/secret-box.ts";
import {
  readStoredWebhook,
  storedWebhookSchema,
} from "../../../src/valkey/webhooks/sealed-webhook.ts";
import { WebhookStore } from "../../../src/valkey/webhooks/webhook-store.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { QueueLab } from "../queue/test-queue.ts";
import { webhookRecord } from "./webhook-records.ts";

const [OLD, NEW] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CREDENTIAL = "Bearer of-the-receiver";
const withHeader = { headers: { Authorization: CREDENTIAL } };

let lab: QueueLab;
let keys: SharedKeys;
let unreadable: string[];
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());
beforeEach(() => {
  keys = sharedKeys(freshPrefix());
  unreadable = [];
});

function storeWith(...boxKeys: string[]): WebhookStore {
  return new WebhookStore(lab.link, keys, {
    box: new SecretBox(boxKeys),
    onUnreadable: ({ id }, { field, why }) => unreadable.push(`${id} ${field} ${why}`),
  });
}

const storedText = async (id: string) =>
  (await lab.redis.hget(keys.webhooks("user:u_1"), id)) ?? "";

/** Returns the id of the key that it is sealed under. */
const keyIdsOf = (text: string) =>
  [...text.matchAll(/enc:v1:([0-9a-f]{16}):/g)].map(([, id]) => id);

async function sealAll(store: WebhookStore) {
  const total = { sealed: 0, unreadable: 0 };
  let after: string | null = null;
  do {
    const page = await store.sealPage(after);
    total.sealed += page.sealed;
    total.unreadable += page.unreadable;
    after = page.next;
  } while (after !== null);
  return total;
}

test("with a key, secrets and header values are not readable in Valkey, and both are read back", async () => {
  const store = storeWith(NEW);
  const record = webhookRecord(withHeader);
  await store.create(record);
  const text = await storedText(record.id);
  expect(text).not.toContain(SECRET);
  expect(text).not.toContain(CREDENTIAL);
  expect(keyIdsOf(text)).toHaveLength(2);
  expect(await store.get(record.id)).toEqual(record);
  expect(await store.list("user:u_1")).toEqual([record]);
  const changed = await store.update(record.id, (one) => ({ ...one, description: "changed" }));
  expect(changed.updated).toEqual({ ...record, description: "changed" });
  expect(await storedText(record.id)).not.toContain(SECRET);
});

test("without a key secrets are stored in plain, and the first write with a key seals them", async () => {
  const record = webhookRecord(withHeader);
  await storeWith().create(record);
  expect(JSON.parse(await storedText(record.id))).toEqual(record);
  const store = storeWith(NEW);
  expect(await store.get(record.id)).toEqual(record);
  await store.update(record.id, (one) => ({ ...one, description: "changed" }));
  expect(await storedText(record.id)).not.toContain(SECRET);
  expect(await storedText(record.id)).not.toContain(CREDENTIAL);
});

test("a sealed text that is moved to another webhook or owner is not opened there", async () => {
  const store = storeWith(NEW);
  const [victim, thief] = [webhookRecord(), webhookRecord()];
  await store.create(victim);
  await store.create(thief);
  const stolen = JSON.parse(await storedText(victim.id)) as { secrets: string };
  const moved = { ...thief, secrets: stolen.secrets };
  await lab.redis.hset(keys.webhooks("user:u_1"), thief.id, JSON.stringify(moved));
  expect(await store.get(thief.id)).toMatchObject({ secrets: [], enabled: false });

  const copy = { ...stolen, user_id: "u_thief" };
  await lab.redis.hset(keys.webhooks("user:u_thief"), victim.id, JSON.stringify(copy));
  await lab.redis.hset(keys.webhookOwners, victim.id, "user:u_thief");
  expect(await store.get(victim.id)).toMatchObject({ secrets: [], enabled: false });
  expect(unreadable).toEqual([`${thief.id} secrets forged`, `${victim.id} secrets forged`]);
});

test("a sealed header cannot be opened as a secret, because a sealed text is bound to its field", async () => {
  const store = storeWith(NEW);
  const record = webhookRecord(withHeader);
  await store.create(record);
  const stored = JSON.parse(await storedText(record.id)) as { secrets: string; headers: string };
  const swapped = { ...stored, secrets: stored.headers };
  await lab.redis.hset(keys.webhooks("user:u_1"), record.id, JSON.stringify(swapped));
  expect(await store.get(record.id)).toMatchObject({ secrets: [], enabled: false });
});

test("webhooks in plain or under an older key are sealed again, and the older key can be removed", async () => {
  const records = Array.from({ length: 250 }, (_, n) => webhookRecord({ user_id: `u_${n % 5}` }));
  const [inPlain, byOld] = [storeWith(), storeWith(OLD)];
  await Promise.all(records.map((record, n) => (n % 2 === 0 ? inPlain : byOld).create(record)));

  const both = storeWith(NEW, OLD);
  for (const { id } of records.slice(0, 6)) expect(await both.get(id)).not.toBeNull();
  expect(await sealAll(both)).toEqual({ sealed: 250, unreadable: 0 });
  expect(await sealAll(both)).toEqual({ sealed: 0, unreadable: 0 });

  const alone = storeWith(NEW);
  for (const record of records) expect(await alone.get(record.id)).toEqual(record);
  expect(unreadable).toEqual([]);
});

test("replicas that seal at the same time as others write lose no change", async () => {
  const records = Array.from({ length: 20 }, () => webhookRecord());
  const old = storeWith(OLD);
  await Promise.all(records.map((record) => old.create(record)));
  const replicas = [storeWith(NEW, OLD), storeWith(NEW, OLD)];
  const names = ["a", "b", "c"];
  const [first, second] = await Promise.all([
    ...replicas.map((replica) => sealAll(replica)),
    ...records.flatMap(({ id }) =>
      names.map((name) =>
        replicas[0]!.update(id, (one) => ({ ...one, headers: { ...one.headers, [name]: "1" } })),
      ),
    ),
  ]);
  expect(first).toMatchObject({ unreadable: 0 });
  expect(second).toMatchObject({ unreadable: 0 });
  const after = await storeWith(NEW).list("user:u_1");
  expect(after.map(({ secrets }) => secrets[0]?.secret)).toEqual(records.map(() => SECRET));
  for (const { headers } of after) expect(Object.keys(headers).toSorted()).toEqual(names);
});

/** Runs a step each time before it seals. */
class SlowBox extends SecretBox {
  readonly meanwhile: (() => Promise<unknown>)[] = [];

  override async seal(text: string, place: string): Promise<string> {
    await this.meanwhile.shift()?.();
    return super.seal(text, place);
  }
}

test("sealing seals a webhook that is written in plain meanwhile", async () => {
  const keyless = storeWith();
  const record = webhookRecord();
  await keyless.create(record);
  const box = new SlowBox([NEW]);
  box.meanwhile.push(() => keyless.update(record.id, (one) => ({ ...one, description: "new" })));
  expect(await sealAll(new WebhookStore(lab.link, keys, { box }))).toMatchObject({ sealed: 1 });
  expect(await storedText(record.id)).not.toContain(SECRET);
  expect(await storeWith(NEW).get(record.id)).toEqual({ ...record, description: "new" });
});

test("sealing again does not announce a change of the webhook", async () => {
  await storeWith().create(webhookRecord());
  const before = await lab.redis.xlen(keys.changes);
  expect(await sealAll(storeWith(NEW))).toEqual({ sealed: 1, unreadable: 0 });
  expect(await lab.redis.xlen(keys.changes)).toBe(before);
});

test("without its key a webhook counts as disabled, is reported once, and loses nothing", async () => {
  const record = webhookRecord(withHeader);
  await storeWith(OLD).create(record);
  const store = storeWith(NEW);
  const shown = { secrets: [], headers: {}, enabled: false, disabled_reason: "secret-unreadable" };
  expect(await store.get(record.id)).toEqual({ ...record, ...shown });
  expect(await store.list("user:u_1")).toEqual([{ ...record, ...shown }]);
  expect(unreadable).toEqual([`${record.id} secrets unknown-key`]);
  expect(await sealAll(store)).toEqual({ sealed: 0, unreadable: 1 });

  const { updated } = await store.update(record.id, (one) => ({ ...one, description: "changed" }));
  expect(updated).toEqual({ ...record, ...shown, description: "changed" });
  // It is enabled too, because it was never disabled.
  expect(await storeWith(OLD).get(record.id)).toEqual({ ...record, description: "changed" });
});

test("an unreadable webhook can be disabled, and stays disabled when its key is back", async () => {
  const record = webhookRecord();
  await storeWith(OLD).create(record);
  const off = { enabled: false, disabled_reason: "manual" };
  await storeWith(NEW).update(record.id, (one) => ({ ...one, ...off }));
  expect(await storeWith(OLD).get(record.id)).toEqual({ ...record, ...off });
});

test("without its key a webhook works again with a new secret and new headers", async () => {
  const record = webhookRecord(withHeader);
  await storeWith(OLD).create(record);
  const store = storeWith(NEW);
  const secrets = [{ secret: "a secret of its own", expires_at: null }];
  const rotated = await store.update(record.id, (one) => ({ ...one, secrets }));
  // Its headers are still unreadable, and no request is sent without them.
  expect(rotated.updated).toMatchObject({ secrets, headers: {}, enabled: false });
  const { updated } = await store.update(record.id, (one) => ({ ...one, headers: { "X-A": "1" } }));
  expect(updated).toEqual({ ...record, secrets, headers: { "X-A": "1" } });
});

test("an expired secret is removed by the next write, but the newest never expires", async () => {
  const store = storeWith(NEW);
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const [newest, inGrace, expired] = [
    { secret: "the newest secret", expires_at: null },
    { secret: "one in its grace", expires_at: at(60_000) },
    { secret: "an expired secret", expires_at: at(-1) },
  ];
  const record = webhookRecord();
  await store.create(record);
  const written = await store.update(record.id, (one) => ({
    ...one,
    secrets: [newest, inGrace, expired],
  }));
  expect(written.updated?.secrets).toEqual([newest, inGrace]);
});

const VALUES: unknown[] = [
  undefined,
  ...(JSON.parse(`[
    null, true, 1, 1.5, 1152921504606846976, "", "wh_1", "standard", [], ["a"], [1], [null], {},
    {"a":"b"}, {"a":1}, [{"secret":"s","expires_at":null}], [{"secret":"s"}], [{"secret":1}],
    {"consecutive_failures":3}, {"failing_for":"5d"}, {"failing_for":5}
  ]`) as unknown[]),
];

test("reads of every field exactly the values that the schema accepts", () => {
  const record = webhookRecord(withHeader);
  for (const field of Object.keys(storedWebhookSchema.shape)) {
    for (const value of VALUES) {
      const text = JSON.stringify({ ...record, user_id: "u_1", org_id: undefined, [field]: value });
      const { success, data } = storedWebhookSchema.safeParse(JSON.parse(text));
      const hasOneOwner = (data?.user_id === undefined) !== (data?.org_id === undefined);
      expect([text, readStoredWebhook(text) !== null]).toEqual([text, success && hasOneOwner]);
    }
  }
});
