import { describe, expect, test } from "bun:test";
import { queueKeys, sharedKeys } from "../../src/valkey/keys.ts";

/** Returns the part of a key that Cluster hashes (Cluster specification, "Hash tags"). */
function hashed(key: string): string {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
}

// Every form of name that FLUXHOOK_QUEUE accepts: braces only as one hash tag.
describe.each(["fluxhook:events", "{orders}:events", "a{b}c", "{a}", "list with spaces", "é"])(
  "the keys of the queue %p",
  (queue) => {
    const keys = queueKeys(queue);
    const all = [
      ...Object.values(keys).filter((key) => typeof key === "string"),
      keys.worker("w"),
      keys.claims("w"),
      keys.idempotency("f"),
      keys.parkedOf("user:u_1"),
      keys.parkedCounts(null),
      keys.parkedCounts("user:u_1"),
      `${keys.base}:lane:wh_1`,
    ];

    test("are in the slot of the list", () => {
      expect([...new Set(all.map(hashed))]).toEqual([hashed(queue)]);
    });

    test("are all different, and the list's key is the queue's name", () => {
      expect(keys.queue).toBe(queue);
      const own = all.filter((key) => key !== keys.base);
      expect(new Set(own).size).toBe(own.length);
    });
  },
);

test("two queues share no key", () => {
  const [a, b] = ["a", "a:b"].map((queue) => queueKeys(queue).claims("w"));
  expect(a).not.toBe(b);
});

test("the public keys have the documented names under any prefix", () => {
  const keys = sharedKeys("p");
  expect(keys.logs("user:u_1")).toBe("p:logs:u_1");
  expect(keys.logs("org:o_1")).toBe("p:org-logs:o_1");
  expect(keys.rejected).toBe("p:rejected");
  expect(keys.alerts).toBe("p:alerts");
});

test("a user and an organisation with the same id share no key", () => {
  const keys = sharedKeys("p");
  expect(keys.logs("user:x")).not.toBe(keys.logs("org:x"));
  expect(keys.webhooks("user:x")).not.toBe(keys.webhooks("org:x"));
});

test("the rejected list and its size are in one slot, because one script writes both", () => {
  const keys = sharedKeys("p");
  expect(hashed(keys.rejectedBytes)).toBe(hashed(keys.rejected));
});
