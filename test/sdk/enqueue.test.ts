import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RedisClient } from "bun";
import { Redis as IoRedis } from "ioredis";
import { Redis as IoValkey } from "iovalkey";
import {
  enqueue,
  EnqueueError,
  InvalidEventError,
  type ListClient,
} from "../../src/sdk/enqueue.ts";
import type { EventInput } from "../../src/sdk/events.ts";
import type { LocalValkey } from "../../src/local-valkey/start.ts";
import { readElement, type Event } from "../../src/wire/event.ts";
import { ValkeyProxy } from "../faults/proxy.ts";
import { eventually } from "../support/eventually.ts";
import { openScene, register } from "../support/serve-scene.ts";
import { freshPrefix, sharedValkey, testRedis } from "../support/valkey.ts";

const EVENT = { user_id: "u_1", event: "file.created", data: { name: "Å", size: 1 } };

let valkey: LocalValkey;
let redis: IoValkey;

beforeAll(async () => {
  valkey = await sharedValkey();
  redis = await testRedis(valkey.url);
});

afterAll(() => redis.disconnect());

function read(element: string): Event {
  const reading = readElement(Buffer.from(element), { maxEventBytes: 1e6, eventTypes: "open" });
  if (!reading.ok) throw new Error(reading.rejection.message);
  return reading.event;
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

describe("enqueue pushes events that the worker accepts", () => {
  test("with a new id and the current time if they are missing", async () => {
    const queue = freshPrefix();
    const before = Date.now();
    const { id } = await enqueue(redis, EVENT, { queue });
    const [element = ""] = await redis.lrange(queue, 0, -1);
    const event = read(element);
    expect(event).toMatchObject({ userId: "u_1", type: "file.created", id });
    expect(event.data).toBe('{"name":"Å","size":1}');
    expect(id).toMatch(/^evt_[0-9a-f]{32}$/);
    expect(Date.parse(event.timestamp ?? "")).toBeWithin(before, Date.now() + 1);
  });

  test("with all given fields unchanged", async () => {
    const queue = freshPrefix();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const timestamp = new Date("2026-01-31T12:00:00Z");
    const given = { ...EVENT, org_id: "o_1", id: "mine", timestamp, traceparent };
    expect(await enqueue(redis, given, { queue })).toEqual({ id: "mine" });
    expect(read((await redis.lrange(queue, 0, -1))[0] ?? "")).toMatchObject({
      orgId: "o_1",
      id: "mine",
      timestamp: "2026-01-31T12:00:00.000Z",
      traceparent,
    });
  });

  test("to the left of fluxhook:events if no list is named", async () => {
    const pushed: string[] = [];
    const recording = {
      lpush: async (...words: string[]) => {
        pushed.push(...words);
      },
    };
    await enqueue(recording, EVENT);
    expect(pushed).toEqual(["fluxhook:events", expect.stringContaining('"file.created"')]);
  });

  test("so that a service delivers it", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const receiver = scene.receiver();
    await register(service, { user_id: "u_1", url: receiver.url });
    const { id } = await enqueue(scene.redis, EVENT, { queue: scene.queue });
    const [request] = await receiver.waitFor(1);
    expect(JSON.parse(request?.text ?? "")).toMatchObject({ id, data: EVENT.data });
  });
});

describe("enqueue works with", () => {
  type Open = (url: string) => { client: ListClient; close?: () => void };
  const clients: [name: string, open: Open][] = [
    [
      "iovalkey",
      (url) => {
        const client = new IoValkey(url);
        return { client, close: () => client.disconnect() };
      },
    ],
    [
      "ioredis",
      (url) => {
        const client = new IoRedis(url);
        return { client, close: () => client.disconnect() };
      },
    ],
    [
      "Bun's own client",
      (url) => {
        const client = new RedisClient(url);
        return { client, close: () => client.close() };
      },
    ],
    [
      "a client of node-redis' form",
      () => ({ client: { lPush: (key, element) => redis.lpush(key, element) } }),
    ],
    [
      "a client of valkey-glide's form",
      () => ({
        client: {
          lpush: (key: string, elements: string[]) => redis.lpush(key, ...elements),
          customCommand: ([name = "", ...more]: string[]) => redis.call(name, ...more),
        },
      }),
    ],
  ];

  test.each(clients)("%s", async (_name, open) => {
    const queue = freshPrefix();
    const { client, close } = open(valkey.url);
    const { id } = await enqueue(client, EVENT, { queue });
    close?.();
    const elements = await redis.lrange(queue, 0, -1);
    expect(elements.map((element) => read(element).id)).toEqual([id]);
  });
});

describe("enqueue refuses to push", () => {
  const faults: [claim: string, event: object, message: string][] = [
    ["an event of nobody", { event: "a", data: {} }, "user_id or org_id is required"],
    ["an event without a type", { user_id: "u_1", data: {} }, "event must be words"],
    ["an event without data", { user_id: "u_1", event: "a" }, "data must be a JSON object"],
    ["an array for data", { user_id: "u_1", event: "a", data: [] }, "data must be a JSON object"],
    ["an owner with a space", { user_id: "u 1", event: "a", data: {} }, "user_id must be 1 to 128"],
    ["an id with a dot", { ...EVENT, id: "a.b" }, "id must be 1 to 128 characters"],
    ["a time that is none", { ...EVENT, timestamp: "yesterday" }, "timestamp must be an RFC 3339"],
    [
      "a Date that is none",
      { ...EVENT, timestamp: new Date("x") },
      "timestamp must be an RFC 3339",
    ],
    ["several events at once", [EVENT], "event must be words"],
    ["an event that is too large", { ...EVENT, data: { a: "x".repeat(3e5) } }, "at most 262144"],
  ];

  test.each(faults)("%s", async (_claim, event, message) => {
    const queue = freshPrefix();
    const error = await rejection(enqueue(redis, event as EventInput, { queue }));
    expect(error).toBeInstanceOf(InvalidEventError);
    expect((error as InvalidEventError).message).toContain(message);
    expect(await redis.exists(queue)).toBe(0);
  });

  test("an event with several faults, and names each", async () => {
    const event = { user_id: "u 1", event: "", data: {} };
    const { errors } = (await rejection(enqueue(redis, event))) as InvalidEventError;
    expect(errors.map(({ field, code }) => [field, code])).toEqual([
      ["user_id", "invalid-field"],
      ["event", "invalid-field"],
    ]);
  });

  test("an event larger than the service's own limit", async () => {
    const limited = enqueue(redis, EVENT, { queue: freshPrefix(), maxEventBytes: 50 });
    expect(await rejection(limited)).toBeInstanceOf(InvalidEventError);
  });
});

describe("after a lost reply, enqueue", () => {
  async function behindProxy() {
    const stack = new AsyncDisposableStack();
    const proxy = await ValkeyProxy.start(valkey.port);
    stack.defer(() => proxy.stop());
    const client = stack.adopt(await testRedis(proxy.url), (one) => one.disconnect());
    return { proxy, client, stack };
  }

  test("pushes the same element again, under one id", async () => {
    const { proxy, client, stack } = await behindProxy();
    await using _stack = stack;
    const queue = freshPrefix();
    proxy.mute();
    const pushing = enqueue(client, EVENT, { queue, timeoutMs: 300, attempts: 10 });
    await eventually(() => redis.llen(queue));
    proxy.resetAll();
    const { id } = await pushing;
    const elements = await redis.lrange(queue, 0, -1);
    expect(elements.length).toBeGreaterThan(1);
    expect(new Set(elements).size).toBe(1);
    expect(read(elements[0] ?? "").id).toBe(id);
  });

  test("gives up after the last attempt, with the id in the error", async () => {
    const { proxy, client, stack } = await behindProxy();
    await using _stack = stack;
    const queue = freshPrefix();
    proxy.mute();
    const error = await rejection(enqueue(client, EVENT, { queue, timeoutMs: 50, attempts: 2 }));
    expect(error).toBeInstanceOf(EnqueueError);
    const { id, attempts, message, cause } = error as EnqueueError;
    expect(attempts).toBe(2);
    expect(message).toContain(id);
    expect(cause).toMatchObject({ message: "no reply within 50 ms" });
    const elements = await eventually(async () => {
      const found = await redis.lrange(queue, 0, -1);
      return found.length === 2 && found;
    });
    expect(new Set(elements.map((element) => read(element).id))).toEqual(new Set([id]));
  });

  test("rejects at once when its signal is aborted", async () => {
    const { proxy, client, stack } = await behindProxy();
    await using _stack = stack;
    const queue = freshPrefix();
    proxy.mute();
    const controller = new AbortController();
    const { signal } = controller;
    const pushing = enqueue(client, EVENT, { queue, timeoutMs: 600_000, attempts: 1, signal });
    await eventually(() => redis.llen(queue));
    const reason = new Error("shutting down");
    controller.abort(reason);
    expect(await rejection(pushing)).toBe(reason);
  });
});

test("enqueue refuses an invalid number of attempts", async () => {
  for (const attempts of [0, 1.5, Number.NaN, Infinity]) {
    expect(await rejection(enqueue(redis, EVENT, { attempts }))).toBeInstanceOf(TypeError);
  }
});
