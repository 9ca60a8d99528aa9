// FLUXHOOK_ATTEMPTS_STREAM on a real service, and the SDK that reads it.
import { RedisClient } from "bun";
import { expect, test } from "bun:test";
import { Redis as IoRedis } from "ioredis";
import { Redis as IoValkey } from "iovalkey";
import { attempts, type StreamClient, type StreamedAttempt } from "../../src/sdk/attempts.ts";
import { eventually } from "../support/eventually.ts";
import { metricOf } from "../support/metric.ts";
import { eventFor, openScene, register, type Scene } from "../support/serve-scene.ts";

async function read(
  client: StreamClient,
  options: { stream: string; after?: string },
  count: number,
): Promise<StreamedAttempt[]> {
  const found: StreamedAttempt[] = [];
  for await (const attempt of attempts(client, options)) {
    found.push(attempt);
    if (found.length === count) break;
  }
  return found;
}

async function serveWithStream(scene: Scene, more: Record<string, string> = {}) {
  const stream = `${scene.prefix}-app:attempts`;
  const service = await scene.serve({ FLUXHOOK_ATTEMPTS_STREAM: stream, ...more });
  return { stream, service };
}

test("each attempt is in the stream, and a reader goes on from where it stopped", async () => {
  await using scene = await openScene();
  const { stream, service } = await serveWithStream(scene);
  const receiver = scene.receiver(
    ({ path }) => new Response(null, { status: path === "/ok" ? 204 : 500 }),
  );
  await register(service, { user_id: "u_1", url: `${receiver.url}/ok` });
  await register(service, { org_id: "o_1", url: `${receiver.url}/no`, retry_schedule: ["0s"] });
  const valkey = new IoRedis(scene.valkey.url);
  try {
    await scene.push(eventFor("u_1", 1), eventFor("u_1", 2));
    const first = await read(valkey, { stream }, 2);
    expect(first.map(({ user_id, outcome }) => [user_id, outcome])).toEqual([
      ["u_1", "delivered"],
      ["u_1", "delivered"],
    ]);
    const logged = await eventually(async () => {
      const entries = await scene.logOf("u_1");
      return entries.length === 2 ? entries : null;
    });
    const { position, user_id, ...entry } = first[1] as StreamedAttempt;
    expect(logged).toContainEqual(entry);
    expect([position, user_id]).toEqual([expect.stringMatching(/^\d+-\d+$/), "u_1"]);

    // Pushed while the reader is away.
    await scene.push(JSON.stringify({ org_id: "o_1", event: "a.b", data: {} }));
    const next = await read(valkey, { stream, after: position }, 1);
    expect(next).toMatchObject([
      { org_id: "o_1", event: "a.b", outcome: "parked", reason: "http-500" },
    ]);
  } finally {
    valkey.disconnect();
  }
});

const CLIENTS = {
  "Bun's client": (url: string) => new RedisClient(url),
  iovalkey: (url: string) => new IoValkey(url),
};

test.each(["Bun's client", "iovalkey"] as const)(
  "a reader that waits with %s gets the next attempt",
  async (name) => {
    await using scene = await openScene();
    const { stream, service } = await serveWithStream(scene);
    const receiver = scene.receiver();
    await register(service, { user_id: "u_1", url: receiver.url });
    const valkey = CLIENTS[name](scene.valkey.url);
    try {
      await scene.push(eventFor("u_1", 1));
      await read(valkey, { stream }, 1);
      const newest = read(valkey, { stream, after: "$" }, 1);
      await scene.push(eventFor("u_1", 2));
      const [attempt] = await newest;
      expect(attempt?.outcome).toBe("delivered");
      expect(await scene.redis.xlen(stream)).toBe(2);
    } finally {
      if ("close" in valkey) valkey.close();
      else valkey.disconnect();
    }
  },
);

test("the stream is capped", async () => {
  await using scene = await openScene();
  const { stream, service } = await serveWithStream(scene, { FLUXHOOK_ATTEMPTS_STREAM_MAX: "100" });
  const receiver = scene.receiver();
  await register(service, { user_id: "u_1", url: receiver.url });
  const valkey = new IoRedis(scene.valkey.url);
  try {
    await scene.push(...Array.from({ length: 1_000 }, (_, n) => eventFor("u_1", n)));
    await eventually(() => receiver.requests.length === 1_000);
    await eventually(async () => {
      const [, entriesAdded] =
        /entries-added,(\d+)/.exec(String(await valkey.xinfo("STREAM", stream))) ?? [];
      return entriesAdded === "1000";
    });
    // `~`: whole nodes are dropped, of 100 entries each.
    expect(await valkey.xlen(stream)).toBeLessThan(300);
  } finally {
    valkey.disconnect();
  }
});

test("a key of another type costs no delivery, is logged, and what is missing is counted", async () => {
  await using scene = await openScene();
  const valkey = new IoRedis(scene.valkey.url);
  try {
    await valkey.set(`${scene.prefix}-app:attempts`, "another program's");
    const { stream, service } = await serveWithStream(scene);
    const receiver = scene.receiver();
    await register(service, { user_id: "u_1", url: receiver.url });
    await scene.push(eventFor("u_1", 1), eventFor("u_1", 2));
    await eventually(() => receiver.requests.length === 2);
    const dropped = await eventually(
      () => service.lines.find(({ event }) => event === "attempts.dropped") ?? null,
    );
    expect(JSON.stringify(dropped)).toContain(`the key ${stream} is a string, not a stream`);
    await eventually(
      async () => (await metricOf(service, "fluxhook_attempts_stream_dropped_total")) === 2,
    );
    const refused = read(valkey, { stream }, 1).catch((error: unknown) => String(error));
    expect(await refused).toContain("WRONGTYPE");
  } finally {
    valkey.disconnect();
  }
});

test.each([
  ["none", []],
  ["failed", ["parked"]],
  ["all", ["delivered", "parked"]],
])("FLUXHOOK_LOG_ATTEMPTS=%s logs attempts at info: %p", async (setting, outcomes) => {
  await using scene = await openScene();
  const service = await scene.serve({ FLUXHOOK_LOG_ATTEMPTS: setting });
  const receiver = scene.receiver(
    ({ path }) => new Response(null, { status: path === "/ok" ? 204 : 500 }),
  );
  await register(service, { user_id: "u_1", url: `${receiver.url}/ok` });
  await register(service, { user_id: "u_2", url: `${receiver.url}/no`, retry_schedule: ["0s"] });
  await scene.push(eventFor("u_1", 1), eventFor("u_2", 2));
  await eventually(
    async () => (await scene.logOf("u_1")).length + (await scene.logOf("u_2")).length === 2,
  );
  await service.stop();
  const lines = service.lines.filter(({ event }) => event === "delivery.attempted");
  expect(lines.map(({ outcome }) => outcome as string).toSorted()).toEqual(outcomes);
  for (const line of lines) {
    expect(line).toMatchObject({ level: "info", event_type: "file.created", attempt: 1 });
  }
});
