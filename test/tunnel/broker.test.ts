// Two replicas on one Valkey: the client polls one, and requests come to the other.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Redis } from "iovalkey";
import { TunnelBroker, type RequestToForward } from "../../src/tunnel/broker.ts";
import type { TunnelStoreOptions } from "../../src/valkey/tunnel/tunnel-store.ts";
import { eventually } from "../support/eventually.ts";
import { freshPrefix, sharedValkey, testRedis } from "../support/valkey.ts";

const NEVER = new AbortController().signal;
const SESSION = "session-1";

let url: string;
let redis: Redis;
const brokers: TunnelBroker[] = [];

beforeAll(async () => {
  ({ url } = await sharedValkey());
  redis = await testRedis(url);
});
afterAll(() => {
  for (const broker of brokers) broker.close();
  redis.disconnect();
});

/** Opens two replicas with one session that was just polled. */
async function openLines(limits: TunnelStoreOptions = {}) {
  const prefix = freshPrefix();
  const onError = (error: unknown) => console.error(error);
  const [here, there] = [0, 1].map(() =>
    new TunnelBroker({ url, prefix, onError, ...limits }).open(),
  );
  if (!here || !there) throw new Error("two brokers were made");
  brokers.push(here, there);
  await Promise.all([here.whenUp(), there.whenUp()]);
  await here.create({ id: SESSION, madeBy: "api", webhookId: "wh_1", owner: "user:u_1" });
  return { here, there, prefix };
}

function request(text = "hello"): RequestToForward {
  return {
    source: "caller",
    method: "POST",
    path: "/x?y=1",
    headers: [{ name: "x-a", value: "1" }],
    body: new TextEncoder().encode(text),
  };
}

async function poll(broker: TunnelBroker, after = "0-0", limit = 100, waitMs = 5_000) {
  const batch = await broker.poll(SESSION, { after, limit, waitMs });
  if (batch === null) throw new Error("the session has ended");
  return batch;
}

const bodies = (batch: { requests: { body: string }[] }) =>
  batch.requests.map(({ body }) => Buffer.from(body, "base64").toString());

describe("a request to a session", () => {
  test("reaches the client at another replica, and the answer comes back, byte for byte", async () => {
    const { here, there } = await openLines();
    const bytes = new Uint8Array(256).map((_, byte) => byte);
    const polling = poll(there);
    const handing = here.forward(SESSION, { ...request(), body: bytes }, NEVER);
    const { requests } = await polling;
    expect(requests).toHaveLength(1);
    const [first] = requests;
    expect(first).toMatchObject({ source: "caller", method: "POST", path: "/x?y=1" });
    expect(Buffer.from(first?.body ?? "", "base64")).toEqual(Buffer.from(bytes));

    const headers = [
      { name: "x-b", value: "2" },
      { name: "connection", value: "close" },
    ];
    const body = Buffer.from(bytes).toString("base64");
    const id = first?.id ?? "";
    expect(await there.answer(SESSION, { id, status: 418, headers, body })).toBe("taken");
    expect(await handing).toEqual({
      kind: "answered",
      answer: { status: 418, headers: [{ name: "x-b", value: "2" }], body: Buffer.from(bytes) },
    });
    // It has ended: it is not returned again, and its answer is not stored.
    expect((await poll(here, "0-0", 100, 0)).requests).toEqual([]);
    expect(await there.answer(SESSION, { id, status: 200, headers: [], body: "" })).toBe("nobody");
  });

  test("waits while the client is away, and is delivered in order when it reconnects, until it is answered", async () => {
    const { here, there } = await openLines({ awayAfterMs: 0 });
    for (const text of ["a", "b", "c"]) {
      expect(await here.forward(SESSION, request(text), NEVER)).toEqual({ kind: "waiting" });
    }
    const first = await poll(there, "0-0", 2);
    expect(bodies(first)).toEqual(["a", "b"]);
    // The client polls again after a lost reply.
    expect(await poll(there, "0-0", 2)).toEqual(first);
    expect(bodies(await poll(there, first.requests[1]?.id))).toEqual(["c"]);
    for (const { id } of first.requests) {
      await there.answer(SESSION, { id, status: 200, headers: [], body: "" });
    }
    expect(bodies(await poll(there))).toEqual(["c"]);
  });

  test("stays for the client if it goes away during the wait, and the caller is answered with waiting", async () => {
    const { here } = await openLines({ awayAfterMs: 300 });
    expect(await here.forward(SESSION, request("a"), NEVER)).toEqual({ kind: "waiting" });
    expect(bodies(await poll(here))).toEqual(["a"]);
  });

  test("that gets no answer in time is late, and is no longer forwarded", async () => {
    const { here, there } = await openLines();
    const limit = new AbortController();
    const handing = here.forward(SESSION, request(), limit.signal);
    const { requests } = await poll(there);
    limit.abort();
    expect(await handing).toEqual({ kind: "late" });
    expect((await poll(there, "0-0", 100, 0)).requests).toEqual([]);
    const late = { id: requests[0]?.id ?? "", status: 200, headers: [], body: "" };
    expect(await there.answer(SESSION, late)).toBe("nobody");
  });

  test("that has waited too long expires, and is counted", async () => {
    const { here } = await openLines({ awayAfterMs: 0, keptMs: 50 });
    await here.forward(SESSION, request("a"), NEVER);
    await here.forward(SESSION, request("b"), NEVER);
    const batch = await eventually(async () => {
      const polled = await poll(here, "0-0", 100, 0);
      return polled.requests.length === 0 && polled;
    });
    expect(batch.expired).toBe(2);
  });

  test("to a session that does not exist is answered with ended", async () => {
    const { here } = await openLines();
    expect(await here.forward("another", request(), NEVER)).toEqual({ kind: "ended" });
    expect(await here.poll("another", { after: "0-0", limit: 1, waitMs: 0 })).toBeNull();
    expect(await here.find("another")).toBeNull();
  });

  test("whose session ends while its caller waits is answered with ended", async () => {
    const { here, there } = await openLines();
    const handing = here.forward(SESSION, request(), NEVER);
    await poll(there);
    await there.remove(SESSION);
    expect(await handing).toEqual({ kind: "ended" });
  });
});

describe("a session (guarantee 6)", () => {
  test("holds up to its maximum of requests, and accepts more when some are answered", async () => {
    const { here } = await openLines({ awayAfterMs: 0, maxRequests: 2 });
    const push = () => here.forward(SESSION, request(), NEVER);
    expect([await push(), await push(), await push()].map(({ kind }) => kind)).toEqual([
      "waiting",
      "waiting",
      "full",
    ]);
    const [first] = (await poll(here)).requests;
    await here.answer(SESSION, { id: first?.id ?? "", status: 200, headers: [], body: "" });
    expect((await push()).kind).toBe("waiting");
  });

  test("holds up to its maximum of bytes, and has room again when requests have expired", async () => {
    const { here } = await openLines({ awayAfterMs: 0, maxBytes: { session: 2_000 }, keptMs: 200 });
    const push = () => here.forward(SESSION, request("x".repeat(1_000)), NEVER);
    expect((await push()).kind).toBe("waiting");
    expect((await push()).kind).toBe("full");
    await eventually(async () => expect((await push()).kind).toBe("waiting"));
  });

  test("leaves no key without a TTL", async () => {
    const { here, prefix } = await openLines();
    const limit = new AbortController();
    const handing = here.forward(SESSION, request(), limit.signal);
    await poll(here);
    const keys = await redis.keys(`*${prefix}*`);
    const base = `{${prefix}:listen}:`;
    const names = keys.map((key) => key.slice(base.length).replace(/\d+-\d+/, "ID"));
    expect(names.toSorted()).toEqual([
      "budget",
      "live",
      "session:session-1",
      "session:session-1:answer:ID",
      "session:session-1:body:ID",
      "session:session-1:requests",
      "webhooks",
    ]);
    // The sweep removes the entries of the last one, with their webhooks.
    for (const key of keys.filter((one) => one !== `${base}webhooks`)) {
      expect([key, await redis.pttl(key)]).not.toEqual([key, -1]);
    }
    // Cluster specification, "Hash tags": one script uses them all.
    expect(keys.filter((key) => !key.startsWith(base))).toEqual([]);
    limit.abort();
    await handing;
  });

  test("lives as long as it is polled, and becomes a leftover otherwise", async () => {
    const { here } = await openLines({ sessionTtlMs: 300 });
    for (let polls = 0; polls < 5; polls += 1) {
      await poll(here, "0-0", 100, 100);
      expect(await here.store.leftovers()).toEqual([]);
    }
    await eventually(async () =>
      expect(await here.store.leftovers()).toEqual([{ id: SESSION, webhookId: "wh_1" }]),
    );
    expect(await here.forward(SESSION, request(), NEVER)).toEqual({ kind: "ended" });
    await here.store.forgetWebhook(SESSION);
    expect(await here.store.leftovers()).toEqual([]);
  });
});

test("a wake-up that is lost with its connection is made up for", async () => {
  const { here, there } = await openLines();
  const handing = here.forward(SESSION, request(), NEVER);
  const { requests } = await poll(there);
  // The subscriptions of both replicas; this Valkey has no others.
  const clients = String(await redis.call("CLIENT", "LIST", "TYPE", "pubsub")).split("\n");
  for (const client of clients) {
    const id = /^id=(\d+) .*name=fluxhook-listen-bell /.exec(client)?.[1];
    if (id) await redis.call("CLIENT", "KILL", "ID", id);
  }
  const answer = { id: requests[0]?.id ?? "", status: 204, headers: [], body: "" };
  await there.answer(SESSION, answer);
  expect((await handing).kind).toBe("answered");
});

test("requests and answers arrive later if the ACL denies the channel", async () => {
  const user = freshPrefix();
  await redis.call("ACL", "SETUSER", user, "on", ">pass", "~*", "+@all", "resetchannels");
  const { port } = new URL(url);
  const errors: unknown[] = [];
  const broker = new TunnelBroker({
    url: `redis://${user}:pass@127.0.0.1:${port}`,
    prefix: user,
    onError: (error) => errors.push(error),
  }).open();
  brokers.push(broker);
  await broker.whenUp();
  await broker.create({ id: SESSION, madeBy: "api", webhookId: null, owner: null });
  const handing = broker.forward(SESSION, request(), NEVER);
  const [first] = (await poll(broker)).requests;
  await broker.answer(SESSION, { id: first?.id ?? "", status: 204, headers: [], body: "" });
  expect((await handing).kind).toBe("answered");
  expect(String(errors[0])).toContain("NOPERM");
  await redis.call("ACL", "DELUSER", user);
});
