// The guard in the real process: what is refused at saving, with which words, and that what got past
// the saving is still not dialled.
import { expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { eventually } from "../support/eventually.ts";
import { hostileHosts } from "../support/hostile-urls.ts";
import { hostOf, localAddresses, openLocalDoor } from "../support/local-public-url.ts";
import { addressRecords, startNameServer } from "../support/name-server.ts";
import { eventFor, openScene, register } from "../support/serve-scene.ts";
import { useOpened } from "../support/use-opened.ts";
import type { ServiceProcess } from "../support/service.ts";
import { useService } from "../support/use-scene.ts";

interface Refused {
  errors: { field: string; code: string; message: string }[];
}

/** Nothing is open but 127.0.0.2: any port, and plain http. */
const { scene, service: guarded } = useService({
  FLUXHOOK_EGRESS_HTTP: "true",
  FLUXHOOK_EGRESS_PORTS: "1-65535",
  FLUXHOOK_EGRESS_ALLOW: "127.0.0.2",
});
/** Every address is open, and the API listens on all of this machine's. */
const { scene: openedScene, service: open } = useService({
  FLUXHOOK_HOST: "0.0.0.0",
  FLUXHOOK_EGRESS_ALLOW: "0.0.0.0/0,::/0",
});
const door = useOpened(openLocalDoor, (opened) => opened[Symbol.asyncDispose]());

const save = (service: ServiceProcess, url: string) =>
  service.api<Refused>("POST", "/v1/webhooks", { user_id: "u_1", url });

test(
  "every hostile URL is refused when a webhook is saved, with the reason and the setting that would allow it",
  async () => {
    const hosts = [
      ...hostileHosts(),
      ...localAddresses().map((address) => ({ host: hostOf(address), range: "" })),
    ];
    expect(hosts.length).toBeGreaterThan(300);
    for (const { host, range } of hosts) {
      const url = `http://${host}:${door.port}/`;
      const { status, body } = await save(guarded, url);
      expect({ url, status }).toEqual({ url, status: 422 });
      expect(body.errors).toEqual([
        { field: "url", code: "blocked_address", message: expect.stringContaining(range) },
      ]);
      expect(body.errors[0]?.message).toContain("FLUXHOOK_EGRESS_ALLOW");
    }
    expect(door.connections).toEqual([]);
  },
  { timeout: 60_000 },
);

test("a webhook on an allowed address is saved and delivered to", async () => {
  await using own = await openLocalDoor();
  await register(guarded, { user_id: "u_open", url: `http://127.0.0.2:${own.port}/` });
  await scene.push(eventFor("u_open"));
  await eventually(() => expect(own.requests).toEqual(["127.0.0.2"]));
});

test("changing a webhook to a hostile URL is refused, any other change is accepted", async () => {
  const { id, url } = await register(guarded, { user_id: "u_2", url: "https://127.0.0.2/" });
  const change = (body: object) => guarded.api<Refused>("PATCH", `/v1/webhooks/${id}`, body);
  const { status, body } = await change({ url: "https://127.0.0.1/" });
  expect(status).toBe(422);
  expect(body.errors).toEqual([
    {
      field: "url",
      code: "blocked_address",
      message:
        "127.0.0.1 is loopback 127.0.0.0/8; Fluxhook delivers there only if FLUXHOOK_EGRESS_ALLOW allows it",
    },
  ]);
  expect((await change({ url, description: "the same url" })).status).toBe(200);
});

const atSaving: [url: string, status: number][] = [
  // Its DNS may come later, and every attempt judges again.
  ["https://nowhere.invalid/", 201],
  ["https://a..invalid/", 422],
  ["https://*.invalid/", 422],
  [`https://${"a".repeat(64)}.invalid/`, 422],
];
test.each(atSaving)("saving a webhook with %s is answered with %i", async (url, status) => {
  expect((await save(guarded, url)).status).toBe(status);
});

test("Fluxhook's own API and Valkey are refused when a webhook is saved, even if every address is allowed", async () => {
  const ports = [
    ["Fluxhook's own API", new URL(open.url).port],
    ["Fluxhook's Valkey", new URL(openedScene.valkey.url).port],
  ];
  const hosts = ["127.0.0.1", "127.3.2.1", "0", "localhost", "[::ffff:127.0.0.1]", "[::1]", "[::]"];
  for (const [name, port] of ports) {
    for (const host of [...hosts, ...localAddresses().map(hostOf)]) {
      const { status, body } = await save(open, `http://${host}:${port}/v1/events`);
      expect({ host, status }).toEqual({ host, status: 422 });
      expect(body.errors[0]?.message).toContain(name);
    }
  }
  expect((await save(open, "http://127.0.0.1:1/")).status).toBe(201);
});

test("Fluxhook's own API and Valkey get no request for webhooks that were saved by another service", async () => {
  await using own = await openScene();
  const port = await freePort();
  const before = await own.serve({ FLUXHOOK_EGRESS_ALLOW: "0.0.0.0/0" });
  for (const host of ["127.0.0.1", "localhost", "127.9.9.9"]) {
    await register(before, { user_id: "u_own", url: `http://${host}:${port}/healthz` });
  }
  await before.stop();
  await own.serve({ FLUXHOOK_EGRESS_ALLOW: "0.0.0.0/0", FLUXHOOK_PORT: String(port) });
  await own.push(eventFor("u_own"));
  await eventually(async () => {
    const reasons = (await own.logOf("u_own")).map(({ reason }) => reason);
    expect(reasons).toEqual(["blocked-address", "blocked-address", "blocked-address"]);
  });
});

test(
  "a name that moves to a denied address, or to Valkey, is not dialled there",
  async () => {
    const zone: Record<string, string[]> = { "moving.test": ["127.0.0.2"] };
    await using server = await startNameServer((question) => {
      const addresses = zone[question.name];
      return addresses ? addressRecords(question, addresses, 0) : "NXDOMAIN";
    });
    await using own = await openScene();
    await using receiver = await openLocalDoor();
    const service = await own.serve({
      FLUXHOOK_EGRESS_ALLOW: "127.0.0.2",
      FLUXHOOK_DNS_SERVERS: server.address,
    });
    const valkeyPort = new URL(own.valkey.url).port;
    await register(service, { user_id: "u_moving", url: `http://moving.test:${receiver.port}/` });
    await register(service, { user_id: "u_valkey", url: `http://later.test:${valkeyPort}/` });
    await own.push(eventFor("u_moving"));
    await eventually(() => expect(receiver.requests).toEqual(["127.0.0.2"]));

    Object.assign(zone, { "moving.test": ["127.0.0.1"], "later.test": ["127.0.0.2"] });
    for (const user of ["u_moving", "u_valkey"]) {
      // What was answered before is kept for a second.
      await eventually(async () => {
        await own.push(eventFor(user));
        return (await own.logOf(user)).some(({ reason }) => reason === "blocked-address");
      });
    }
    expect(new Set(receiver.connections)).toEqual(new Set(["127.0.0.2"]));
  },
  { timeout: 30_000 },
);

test(
  "a name that resolves to a denied address for a while is retried, raises one alert, and is delivered to",
  async () => {
    let addresses = ["127.0.0.2"];
    await using server = await startNameServer((question) =>
      addressRecords(question, addresses, 0),
    );
    await using own = await openScene();
    await using receiver = await openLocalDoor();
    const service = await own.serve({
      FLUXHOOK_EGRESS_ALLOW: "127.0.0.2",
      FLUXHOOK_DNS_SERVERS: server.address,
    });
    await register(service, {
      user_id: "u_flaky",
      url: `http://flaky.test:${receiver.port}/`,
      retry_schedule: ["0s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"],
    });
    // The answer that was good at saving is kept for a second.
    addresses = ["127.0.0.2", "127.0.0.1"];
    const question = server.questions.length;
    await eventually(async () => {
      await own.push(eventFor("u_flaky"));
      return (await own.logOf("u_flaky")).some(({ reason }) => reason === "blocked-address");
    });
    expect(server.questions.length).toBeGreaterThan(question);
    const [entry] = (await own.logOf("u_flaky")).filter(
      ({ reason }) => reason === "blocked-address",
    );
    expect(entry).toMatchObject({ outcome: "retry", status_code: null });
    expect(entry?.next_attempt_at).not.toBeNull();
    const before = receiver.requests.length;
    addresses = ["127.0.0.2"];
    await eventually(() => receiver.requests.length > before);
    await eventually(async () => (await own.redis.zcard(`{${own.queue}}:schedule`)) === 0);
    expect(await own.redis.zcard(`{${own.queue}}:parked`)).toBe(0);
    expect(new Set(receiver.connections)).toEqual(new Set(["127.0.0.2"]));
    const alerts = (await own.redis.lrange(`${own.prefix}:alerts`, 0, -1)).map(
      (text) => JSON.parse(text) as Record<string, unknown>,
    );
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({ kind: "delivery.blocked", reason: "blocked-address" });
    // It may be shown to the webhook's owner.
    expect(JSON.stringify(alerts)).not.toContain("127.0.0.1");
  },
  { timeout: 30_000 },
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
