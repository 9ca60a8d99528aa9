import { afterAll, beforeAll, expect, test } from "bun:test";
import { queueKeys, sharedKeys } from "../../../src/valkey/keys.ts";
import { kindOf } from "../../../src/valkey/connection/wrong-keys.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { QueueLab } from "../queue/test-queue.ts";

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

test.each(["fluxhook:events", "{orders}:events"])(
  "kindOf returns the type of each key of the queue %s",
  (queue) => {
    const keys = queueKeys(queue);
    const kinds = Object.fromEntries(
      Object.entries(keys).flatMap(([name, key]) =>
        typeof key === "string" && name !== "base" ? [[name, kindOf(key, [keys.workers])]] : [],
      ),
    );
    expect(kinds).toMatchObject({
      queue: "list",
      workers: "zset",
      ready: "list",
      schedule: "zset",
      scheduled: "hash",
      lanes: "zset",
      events: "hash",
      refs: "hash",
      parked: "zset",
      parkedItems: "hash",
      paused: "zset",
      stats: "hash",
    });
    expect(kindOf(keys.worker("w"))).toBe("hash");
    expect(kindOf(keys.claims("w"))).toBe("hash");
    expect(kindOf(keys.idempotency("f"))).toBe("string");
    expect(kindOf(`${keys.base}:lane:wh_1`)).toBe("list");
  },
);

test("kindOf returns the type of the keys that belong to no queue", () => {
  const keys = sharedKeys("fluxhook");
  expect(kindOf(keys.logs("user:u_1"))).toBe("list");
  expect(kindOf(keys.rejected)).toBe("list");
  expect(kindOf(keys.rejectedBytes)).toBe("string");
  expect(kindOf(keys.bodies("tag"))).toBe("list");
  expect(kindOf(keys.alerts)).toBe("list");
  expect(kindOf(keys.webhooks("user:u_1"))).toBe("hash");
  expect(kindOf(keys.webhookOwners)).toBe("hash");
  expect(kindOf(keys.changes)).toBe("stream");
  expect(kindOf(keys.health("wh_1"))).toBe("hash");
});

test("a WRONGTYPE error names the key of a plain command, and every wrong key of a script", async () => {
  const queue = lab.queue();
  const { keys } = queue.store;
  const stream = `${freshPrefix()}:changes`;
  await lab.redis.set(stream, "no stream");
  await lab.redis.set(keys.workers, "no set");
  const read = () => lab.link.run((client) => client.xread("COUNT", 1, "STREAMS", stream, "0-0"));
  expect(read()).rejects.toThrow(`WRONGTYPE the key ${stream} is a string, not a stream`);
  expect(queue.join("w")).rejects.toThrow(`the key ${keys.workers} is a string, not a zset`);
});
