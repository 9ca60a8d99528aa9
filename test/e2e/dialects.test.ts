// Each dialect through the real service, before receivers in Express that are written from its page.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import {
  startExpressReceiver,
  type ExpressReceiver,
  type SentRequest,
} from "../support/express-receivers.ts";
import {
  SIGNED_NOW,
  tampered,
  tamperingsOf,
  type Captured,
} from "../support/express-receivers-tampering.ts";
import { openScene, register } from "../support/serve-scene.ts";
import { useService } from "../support/use-scene.ts";
import { DIALECT_NAMES, dialectOf } from "../../src/wire/dialects/registry.ts";
import type { Webhook } from "../../src/wire/webhook.ts";

const COUNT = 1_000;

const { scene, service } = useService();

/** Text that differs once it was parsed and written again. */
function elementFor(owner: string, n: number, type: string): string {
  return `{"user_id":"${owner}","event":"${type}","id":"id-${n}","data":{"n":${n}, "cost":1.0,"title":"Nº ${n}"}}`;
}

const idOf = ({ headers }: SentRequest) => headers["webhook-id"] ?? "";

describe.each(DIALECT_NAMES)("a receiver of %s, written from its page", (dialect) => {
  const owner = `u_${dialect}`;
  let receiver: ExpressReceiver;
  let captured: Captured;

  const send = async ({ headers, body }: SentRequest) => {
    const response = await fetch(receiver.urlOf("first"), { method: "POST", headers, body });
    return response.status;
  };

  beforeAll(async () => {
    receiver = await startExpressReceiver(dialect);
    const [first, second] = await Promise.all(
      ["first", "second"].map((name) =>
        register(service, {
          user_id: owner,
          url: receiver.urlOf(name),
          dialect,
          // The second one gets the first event only.
          events: [name === "first" ? "*" : "shared"],
        }),
      ),
    );
    receiver.trust("first", first?.secret ?? "");
    receiver.trust("second", second?.secret ?? "");
    const elements = Array.from({ length: COUNT }, (_, n) =>
      elementFor(owner, n, n === 0 ? "shared" : "file.created"),
    );
    await scene.push(...elements);
    const all = await receiver.accepted("first").waitFor(COUNT, { withinMs: 30_000 });
    const [otherWebhook] = await receiver.accepted("second").waitFor(1);
    const genuine = all.find((request) => idOf(request) === idOf(otherWebhook ?? request));
    const next = all.find((request) => idOf(request) !== idOf(otherWebhook ?? request));
    if (!genuine || !next || !otherWebhook) throw new Error("an accepted delivery is missing");
    captured = { genuine, next, otherWebhook, secret: first?.secret ?? "" };
  }, 60_000);

  afterAll(() => receiver[Symbol.asyncDispose]());

  test("accepts 1,000 deliveries, each at its first attempt", async () => {
    expect(receiver.refused).toBe(0);
    const requests = receiver.accepted("first").items;
    expect(new Set(requests.map(idOf)).size).toBe(COUNT);
    const first = requests.find((request) => idOf(request) === idOf(captured.genuine));
    expect(first?.body.toString()).toEndWith(`,"data":{"n":0, "cost":1.0,"title":"Nº 0"}}`);
    expect(captured.otherWebhook.body).toEqual(captured.genuine.body);
  });

  test("is tested with at least twenty tamperings", () => {
    expect(new Set(tamperingsOf(dialect).map(([claim]) => claim)).size).toBeGreaterThanOrEqual(20);
  });

  const signNow = SIGNED_NOW[dialect];
  if (signNow) {
    test("accepts the same request signed again with the current time", async () => {
      expect(await send(tampered(captured, signNow))).toBe(204);
    });
  }

  test.each(tamperingsOf(dialect))("refuses %s", async (_claim, tamper) => {
    const forged = tampered(captured, tamper);
    expect(forged).not.toEqual(captured.genuine);
    expect(await send(forged)).toBe(401);
    // The same way with nothing changed: only the tampering made the difference.
    expect(await send(captured.genuine)).toBe(204);
  });
});

const statusOf = (id: string) => service.api<Webhook>("GET", `/v1/webhooks/${id}`);

test("a fluxdesk webhook is disabled by ten consecutive 4xx or 5xx, not by nine and a success", async () => {
  const failing = Array.from({ length: 9 }, (_, n) => (n % 2 === 0 ? 500 : 404));
  const answers = [...failing, 204, ...failing, 503];
  const receiver = scene.receiver((_, n) => new Response(null, { status: answers[n] ?? 204 }));
  const webhook = await register(service, {
    user_id: "u_failing",
    url: receiver.url,
    dialect: "fluxdesk",
    // Without this the failed ones would come again among the others.
    retry_schedule: ["0s", "1h"],
  });
  expect(webhook).toMatchObject({ timeout_ms: 8_000, disable_rule: { consecutive_failures: 10 } });

  for (const [n] of answers.slice(0, -1).entries()) {
    await scene.push(elementFor("u_failing", n, "blocker"));
    await receiver.waitFor(n + 1);
    // Attempts are counted in the order in which they end.
    await eventually(async () => (await scene.logOf("u_failing"))[0]?.id === `id-${n}`);
  }
  await eventually(async () => {
    const { body } = await statusOf(webhook.id);
    expect(body).toMatchObject({ enabled: true, health: { consecutive_failures: 9 } });
  });
  await scene.push(elementFor("u_failing", 19, "blocker"));
  await eventually(async () => {
    const { body } = await statusOf(webhook.id);
    expect(body).toMatchObject({ enabled: false, disabled_reason: "failing" });
  });
});

test("a flux delivery is parked after five attempts under one id, with an alert", async () => {
  await using other = await openScene();
  const served = await other.serve({ FLUXHOOK_RETRY_SCHEDULE: "0s,10ms,10ms,10ms,10ms" });
  const receiver = other.receiver(() => new Response(null, { status: 500 }));
  await register(served, { user_id: "u_1", url: receiver.url, dialect: "flux" });
  await other.push(elementFor("u_1", 1, "file.created"));
  const [alert] = await eventually(async () => {
    const texts = await other.redis.lrange(`${other.prefix}:alerts`, 0, -1);
    return texts.length > 0 && texts;
  });
  expect(JSON.parse(alert ?? "")).toMatchObject({ kind: "delivery.parked" });
  const { requests } = receiver;
  expect(requests).toHaveLength(5);
  expect(new Set(requests.map(({ text }) => text)).size).toBe(1);
  expect(new Set(requests.map(({ headers }) => headers.get("webhook-id")))).toEqual(
    new Set(["evt_id-1"]),
  );
});

test("a delivery keeps its dialect after the webhook's is changed, and the next one has the new one", async () => {
  const owner = "u_changing";
  const receiver = scene.receiver((_, n) => new Response(null, { status: n === 0 ? 500 : 204 }));
  const { id } = await register(service, {
    user_id: owner,
    url: receiver.url,
    dialect: "flux",
    retry_schedule: ["0s", "1h"],
  });
  await scene.push(elementFor(owner, 1, "file.created"));
  const [failed] = await eventually(async () => {
    const entries = await scene.logOf(owner);
    return entries.length === 1 && entries;
  });
  const { status } = await service.api("PATCH", `/v1/webhooks/${id}`, { dialect: "standard" });
  expect(status).toBe(200);
  // A change counts on every worker within one second: the next event shows when it does.
  await eventually(async () => {
    const count = receiver.requests.length;
    await scene.push(elementFor(owner, 2, "file.created"));
    const requests = await receiver.waitFor(count + 1);
    return requests[count]?.headers.has("flux-signature") === false;
  });
  const before = receiver.requests.length;
  await service.api("POST", `/v1/deliveries/${failed?.delivery_id}/redeliver`);
  const requests = await receiver.waitFor(before + 1);

  const [first, again, changed] = [requests[0], requests.at(-1), requests.at(-2)];
  expect(again?.text).toBe(first?.text ?? "");
  expect(again?.headers.get("flux-signature")).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
  expect(again?.headers.get("webhook-id")).toBe("evt_id-1");
  expect(changed?.text).toStartWith('{"type":"file.created","timestamp":');
  expect(changed?.headers.get("webhook-id")).toBe("id-2");
});

test("FLUXHOOK_EVENT_TYPES=catalogue accepts the event types of every dialect and no others", async () => {
  const served = await scene.serve({
    FLUXHOOK_EVENT_TYPES: "catalogue",
    FLUXHOOK_QUEUE: `${scene.prefix}:catalogue`,
  });
  const { body } = await served.api<{ event_types: object; accepted: string[] }>(
    "GET",
    "/v1/event-types",
  );
  expect(body.event_types).toEqual(
    Object.fromEntries(DIALECT_NAMES.map((name) => [name, [...dialectOf(name).catalogue]])),
  );
  expect(body.accepted).toEqual(Object.values(body.event_types).flat());
  for (const [event, status] of [
    ["file.created", 202],
    ["team_support.approved", 202],
    ["weekly_digest", 202],
    ["webhook_test", 422],
  ] as const) {
    const answer = await served.api("POST", "/v1/events", { user_id: "u_1", event, data: {} });
    expect([event, answer.status]).toEqual([event, status]);
  }
});
