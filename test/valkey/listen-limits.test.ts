// Guarantee 6 for `fluxhook listen`: the number of sessions, and the bytes of waiting requests, are bounded.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Redis } from "iovalkey";
import { Link } from "../../src/valkey/connection/link.ts";
import { TunnelStore, type TunnelStoreOptions } from "../../src/valkey/tunnel/tunnel-store.ts";
import type { OwnerRef } from "../../src/wire/owner.ts";
import { eventually } from "../support/eventually.ts";
import { freshPrefix, sharedValkey, testRedis } from "../support/valkey.ts";

let link: Link;
let redis: Redis;
beforeAll(async () => {
  const { url } = await sharedValkey();
  link = new Link({ url, name: "test", deadlineMs: 5_000 }).open();
  redis = await testRedis(url);
  await link.whenUp();
});
afterAll(() => {
  link.close();
  redis.disconnect();
});

function open(limits: TunnelStoreOptions = {}) {
  const prefix = freshPrefix();
  const store = new TunnelStore(link, prefix, { awayAfterMs: 0, ...limits });
  let made = 0;
  const begin = async (owner: OwnerRef | null = "user:u_1") => {
    made += 1;
    const id = `s${made}`;
    return { id, ...(await store.create({ id, madeBy: "api", webhookId: null, owner })) };
  };
  const push = async (id: string, bytes = 1_000) =>
    (await store.push(id, "{}", new Uint8Array(bytes))).kind;
  const budget = () => redis.hgetall(`{${prefix}:listen}:budget`);
  const keys = () => redis.keys(`{${prefix}:listen}:*`);
  return { store, begin, push, budget, keys };
}

describe("the number of sessions", () => {
  test("of one owner is at most ten, even if many are created at the same time", async () => {
    const { begin } = open();
    const begun = await Promise.all(Array.from({ length: 60 }, () => begin()));
    expect(begun.filter(({ created }) => created)).toHaveLength(10);
    expect(await begin()).toMatchObject({ created: false, whose: "owner", limit: 10 });
    expect(await begin("org:u_1")).toMatchObject({ created: true });
  });

  test("without an owner is bounded by the operator's limit, and the total by its own limit", async () => {
    const { begin } = open({ maxSessions: { operator: 3, all: 4 } });
    for (let made = 0; made < 3; made += 1) expect((await begin(null)).created).toBe(true);
    expect(await begin(null)).toMatchObject({ created: false, whose: "operator", limit: 3 });
    expect((await begin("user:u_1")).created).toBe(true);
    expect(await begin("user:u_2")).toMatchObject({ created: false, whose: "all", limit: 4 });
  });

  test("decreases when a session is removed and when it expires", async () => {
    const { store, begin } = open({ maxSessions: { owner: 1 }, sessionTtlMs: 300 });
    const { id } = await begin();
    expect((await begin()).created).toBe(false);
    await store.remove(id);
    expect((await begin()).created).toBe(true);
    await eventually(async () => expect((await begin()).created).toBe(true));
  });

  test("stays while the client polls, beyond the TTL of a session", async () => {
    const { store, begin } = open({ maxSessions: { owner: 1 }, sessionTtlMs: 400 });
    const { id } = await begin();
    const until = performance.now() + 1_200;
    while (performance.now() < until) {
      expect((await store.poll(id, "0-0", 0)).kind).toBe("requests");
      expect((await begin()).created).toBe(false);
      await Bun.sleep(50);
    }
  });
});

describe("the bytes of waiting requests", () => {
  test("in one owner's sessions are bounded together, without effect on another owner", async () => {
    const { begin, push } = open({ maxBytes: { owner: 4_000 } });
    const [a, b, other] = [await begin(), await begin(), await begin("user:u_2")];
    expect([await push(a.id), await push(b.id), await push(a.id), await push(b.id)]).toEqual([
      "pushed",
      "pushed",
      "full",
      "full",
    ]);
    expect(await push(other.id)).toBe("pushed");
  });

  test("in all sessions are bounded together", async () => {
    const { begin, push } = open({ maxBytes: { all: 4_000 } });
    const [a, b] = [await begin("user:u_1"), await begin("user:u_2")];
    expect([await push(a.id), await push(b.id), await push(b.id)]).toEqual([
      "pushed",
      "pushed",
      "full",
    ]);
  });

  test("are freed at once when their session is removed, and no body remains", async () => {
    const { store, begin, push, budget, keys } = open();
    const { id } = await begin();
    for (let pushed = 0; pushed < 250; pushed += 1) await push(id, 10);
    await store.remove(id);
    expect(await budget()).toEqual({});
    expect(await keys()).toEqual([]);
  });

  test("are freed when their session has expired", async () => {
    const { begin, push, budget } = open({ sessionTtlMs: 200, maxBytes: { owner: 2_000 } });
    const { id } = await begin();
    expect(await push(id)).toBe("pushed");
    await eventually(async () => {
      const next = await begin();
      expect(await push(next.id)).toBe("pushed");
    });
    expect(Number((await budget())["bytes user:u_1"])).toBeLessThan(2_000);
  });

  test("of an expired session are free for a live session", async () => {
    const { store, begin, push } = open({ sessionTtlMs: 500, maxBytes: { owner: 2_000 } });
    const [ending, going] = [await begin(), await begin()];
    expect(await push(ending.id)).toBe("pushed");
    expect(await push(going.id)).toBe("full");
    await eventually(async () => {
      await store.poll(going.id, "0-0", 0);
      expect(await push(going.id)).toBe("pushed");
    });
  });

  test("are freed when the requests expire in a session that no client polls", async () => {
    const { store, begin, push } = open({ keptMs: 100, maxBytes: { owner: 2_000 } });
    const [a, b] = [await begin(), await begin()];
    expect(await push(a.id)).toBe("pushed");
    expect(await push(b.id)).toBe("full");
    await eventually(async () => {
      await store.expireRequests();
      expect(await push(b.id)).toBe("pushed");
    });
  });

  test("decrease with an answer and with a withdrawal", async () => {
    const { store, begin, budget } = open();
    const { id } = await begin();
    const pushed = await Promise.all([1, 2].map(() => store.push(id, "{}", new Uint8Array(1_000))));
    const [first, second] = pushed.map((one) => (one.kind === "pushed" ? one.id : ""));
    await store.answer(id, first ?? "", Buffer.from("{}\n"));
    await store.withdraw(id, second ?? "");
    expect(await budget()).toEqual({ [`owner ${id}`]: "user:u_1", "sessions user:u_1": "1" });
  });
});
