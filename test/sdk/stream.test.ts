// `flux.logs.follow` and `events` beside a service that comes and goes.
import { expect, test } from "bun:test";
import { Flux, FluxError, type StreamedEvent } from "../../src/sdk/index.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register } from "../support/serve-scene.ts";
import { API_TOKEN } from "../support/service.ts";

test("follow yields each attempt once, in order, across a restart of the service, until the loop is left", async () => {
  await using scene = await openScene();
  const first = await scene.serve();
  const { port } = new URL(first.url);
  const receiver = scene.receiver();
  await register(first, { user_id: "u_1", url: receiver.url });
  await scene.push(eventFor("u_1", 0));
  const [before] = await eventually(async () => {
    const log = await scene.logOf("u_1");
    return log.length === 1 ? log : null;
  });
  const flux = new Flux({ apiKey: API_TOKEN, baseUrl: first.url });
  const seen: string[] = [];
  let connected = 0;
  const over = (async () => {
    const options = { after: before?.delivery_id };
    for await (const { event, data } of flux.logs.events({ user_id: "u_1" }, options)) {
      if (event === "hello") connected += 1;
      if (event === "attempt") seen.push(data.id);
      if (seen.length === 3) break;
    }
  })();
  await eventually(() => connected === 1);
  await scene.push(eventFor("u_1", 1));
  await eventually(() => seen.length === 1);
  await first.stop();
  // What is attempted while nobody is connected.
  const second = await scene.serve({ FLUXHOOK_PORT: port });
  await scene.push(eventFor("u_1", 2));
  await eventually(() => seen.length === 2);
  await eventually(() => connected === 2);
  await scene.push(eventFor("u_1", 3));
  await over;
  const log = (await scene.logOf("u_1")).toReversed().map(({ id }) => id);
  expect(seen).toEqual(log.slice(1));

  const failed: unknown[] = [];
  const gone = new AbortController();
  const following = (async () => {
    const filter = { user_id: "u_1", outcome: "failed" } as const;
    for await (const attempt of flux.logs.follow(filter, { signal: gone.signal })) {
      failed.push(attempt.outcome);
    }
  })();
  const reason = following.catch((error: unknown) => error);
  await eventually(async () => {
    await receiver.stop();
    await scene.push(eventFor("u_1", 4));
    return failed.length > 0;
  });
  gone.abort(new Error("enough"));
  expect(await reason).toEqual(new Error("enough"));
  expect(new Set(failed)).toEqual(new Set(["retry"]));
  expect(await second.stop()).toBe(0);
}, 60_000);

test("a stream that the service refuses rejects with its problem; one that nobody answers after the retries", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const flux = new Flux({ apiKey: API_TOKEN, baseUrl: service.url });
  const wrong = new Flux({ apiKey: "wrong-token-of-thirty-two-letter", baseUrl: service.url });
  const nobody = new Flux({ apiKey: API_TOKEN, baseUrl: "http://127.0.0.1:1", retries: 1 });
  const errorOf = async (events: AsyncGenerator<StreamedEvent>) => {
    try {
      await events.next();
      return null;
    } catch (error) {
      return error instanceof FluxError ? [error.status, error.type] : error;
    }
  };
  const invalid = { event: "a..b" };
  expect(await errorOf(flux.logs.events(invalid))).toEqual([422, "urn:fluxhook:problem:invalid"]);
  expect(await errorOf(wrong.logs.events())).toEqual([401, "urn:fluxhook:problem:unauthorized"]);
  expect(await errorOf(nobody.logs.events())).toEqual([0, "urn:fluxhook:sdk:connection"]);
}, 30_000);

test("alerts.list and search answer what the API has", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver(() => new Response(null, { status: 410 }));
  const { id } = await register(service, { user_id: "u_1", url: receiver.url });
  await scene.push(eventFor("u_1"));
  const flux = new Flux({ apiKey: API_TOKEN, baseUrl: service.url });
  await eventually(async () => {
    const alerts = await flux.alerts.list({ user_id: "u_1", kind: "webhook.disabled" }).toArray();
    expect(alerts).toMatchObject([{ webhook_id: id, reason: "gone" }]);
  });
  expect(await flux.search(id)).toMatchObject({
    found: [{ kind: "webhook", webhook_id: id, user_id: "u_1", enabled: false }],
    partial: false,
  });
});
