import { afterEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { deliver, type DeliverDeps } from "../../src/delivery/deliver.ts";
import { createResolver } from "../../src/delivery/guard/resolve.ts";
import { Signer } from "../../src/wire/signature.ts";
import { silence } from "../support/silent-address.ts";
import { hang, startReceiver, type Respond } from "../support/receiver.ts";
import { DATA, delivery, deps, SECRET } from "./attempt.ts";

const OLD_SECRET = "It's a Secret to Everybody";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function receiver(respond?: Respond) {
  const started = startReceiver(respond);
  stops.push(() => started.stop());
  return started;
}

describe("the request", () => {
  test("a request is verified by standardwebhooks and by a plain HMAC of its body", async () => {
    const { url, requests } = receiver();
    const sent = delivery(`${url}/hook`);
    const attempt = await deliver(sent, deps());
    expect(attempt.outcome).toEqual({ outcome: "delivered", reason: null, statusCode: 204 });

    const { method, path, headers, text, body } = requests[0]!;
    expect(`${method} ${path}`).toBe("POST /hook");
    expect(text).toBe(
      `{"id":"evt_1","event":"file.created","timestamp":"2026-01-31T12:00:00Z","data":${DATA}}`,
    );
    new Webhook(SECRET).verify(text, headers.toJSON());
    expect(headers.get("x-fluxdrop-signature")).toBe(
      createHmac("sha256", SECRET).update(body).digest("hex"),
    );
    expect(headers.get("x-fluxdrop-delivery")).toBe(sent.deliveryId);
    expect(headers.get("x-fluxdrop-timestamp")).toBe(
      String(Math.floor(attempt.startedAtMs / 1_000)),
    );
    expect(headers.get("user-agent")).toBe("Fluxhook/1.0");
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.has("traceparent")).toBe(false);
  });

  test("every attempt sends the same bytes with its own delivery id, time and signature", async () => {
    const { url, requests } = receiver();
    let nowMs = Date.UTC(2026, 0, 31, 12);
    const clock: DeliverDeps = { ...deps(), now: () => nowMs };
    await deliver(delivery(url), clock);
    nowMs += 60_000;
    await deliver({ ...delivery(url), attempt: 2 }, clock);
    const [first, second] = requests.map(({ headers, text }) => ({
      text,
      id: headers.get("webhook-id"),
      delivery: headers.get("x-fluxdrop-delivery"),
      time: headers.get("webhook-timestamp"),
      signature: headers.get("webhook-signature"),
    }));
    expect(second!.text).toBe(first!.text);
    expect(second!.id).toBe(first!.id);
    expect(second!.delivery).not.toBe(first!.delivery);
    expect(Number(second!.time)).toBe(Number(first!.time) + 60);
    expect(second!.signature).not.toBe(first!.signature);
  });

  test("a request is signed with both secrets during a rotation", async () => {
    const { url, requests } = receiver();
    const secrets = [new Signer(SECRET), new Signer(OLD_SECRET)];
    await deliver(delivery(url, { secrets }), deps());
    const { text, headers } = requests[0]!;
    new Webhook(SECRET).verify(text, headers.toJSON());
    new Webhook(OLD_SECRET, { format: "raw" }).verify(text, headers.toJSON());
  });

  test("a request has the custom headers, the trace context and the URL's credentials; ours win", async () => {
    const { port, requests } = receiver();
    const sent = delivery(`http://user:p%40w@receiver.test:${port}/`, {
      headers: { "X-Tenant": "7", "x-fluxdrop-event": "forged", traceparent: "forged" },
    });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await deliver({ ...sent, event: { ...sent.event, traceparent } }, deps());
    const { headers } = requests[0]!;
    expect(headers.get("x-tenant")).toBe("7");
    expect(headers.get("x-fluxdrop-event")).toBe("file.created");
    expect(headers.get("traceparent")).toBe(traceparent);
    expect(headers.get("authorization")).toBe(`Basic ${btoa("user:p@w")}`);
    expect(headers.get("host")).toBe(`receiver.test:${port}`);
  });
});

describe("the attempt", () => {
  test("an attempt reaches the healthy address even if the name server rotates its answers", async () => {
    const server = Bun.serve({
      hostname: "127.0.0.3",
      port: 0,
      fetch: () => new Response(null, { status: 204 }),
    });
    stops.push(() => server.stop(true));
    await using _ = await silence("127.0.0.2", Number(server.port));
    let answers = ["127.0.0.2", "127.0.0.3"];
    const resolve = createResolver({
      keepMs: 0,
      async lookup() {
        answers = answers.toReversed();
        return answers.map((address) => ({ address, family: 4 }));
      },
    });
    const options = deps({ resolve, allowRanges: ["127.0.0.2", "127.0.0.3"] });
    const url = `http://rotating.test:${server.port}/`;
    for (let attempt = 1; attempt <= 5; attempt++) {
      const { outcome } = await deliver({ ...delivery(url), attempt }, options);
      expect(outcome.outcome).toBe("delivered");
    }
  });

  test("an attempt is retried after the time that the receiver asks for", async () => {
    const { url } = receiver(
      () => new Response("busy", { status: 429, headers: { "retry-after": "600" } }),
    );
    const attempt = await deliver(delivery(url), deps());
    expect(attempt.outcome).toMatchObject({
      outcome: "retry",
      reason: "http-429",
      delayMs: 600_000,
      pauseMs: 600_000,
    });
    await attempt.drained;
  });

  test("an attempt to a denied address is parked at once and sends nothing", async () => {
    const { url, requests } = receiver();
    const attempt = await deliver(delivery(url), deps({ allowRanges: [] }));
    expect(attempt.outcome).toMatchObject({ outcome: "parked", reason: "blocked-address" });
    expect(attempt.detail).toBe("127.0.0.1 is loopback 127.0.0.0/8");
    await attempt.drained;
    await deliver(delivery(`${url}/allowed`), deps());
    expect(requests.map(({ path }) => path)).toEqual(["/allowed"]);
  });

  test("an attempt to a name that cannot be resolved fails with dns", async () => {
    const attempt = await deliver(delivery("http://nowhere.test/"), deps());
    expect(attempt.outcome).toMatchObject({ outcome: "retry", reason: "dns", statusCode: null });
    expect(attempt.detail).toBe("ENOTFOUND");
  });

  test("an attempt times out if the receiver hangs", async () => {
    const { url } = receiver(hang);
    const attempt = await deliver(delivery(url, { timeoutMs: 100 }), deps());
    expect(attempt.outcome).toMatchObject({ outcome: "retry", reason: "timeout" });
  });

  test("an attempt times out if the look-up hangs, because the deadline covers it", async () => {
    const resolve = createResolver({ lookup: () => new Promise(() => {}) });
    const attempt = await deliver(
      delivery("http://receiver.test/", { timeoutMs: 50 }),
      deps({ resolve }),
    );
    expect(attempt.outcome).toMatchObject({ outcome: "retry", reason: "timeout" });
  });

  test("an attempt is parked if the schedule is used up", async () => {
    const { url } = receiver(() => new Response(null, { status: 500 }));
    const attempt = await deliver({ ...delivery(url), attempt: 2 }, deps());
    expect(attempt.outcome).toMatchObject({
      outcome: "parked",
      reason: "http-500",
      exhausted: true,
    });
  });

  test("an attempt shows its endpoint without query, fragment and credentials", async () => {
    const { port } = receiver();
    const url = `http://user:pw@receiver.test:${port}/hooks/7?token=secret#part`;
    const attempt = await deliver(delivery(url), deps());
    expect(attempt.endpoint).toBe(`http://receiver.test:${port}/hooks/7`);
    expect(JSON.stringify(attempt)).not.toMatch(/secret|pw/);
  });

  test("an attempt to a text that is not a URL is parked and does not throw", async () => {
    const attempt = await deliver(delivery("no url"), deps());
    expect(attempt.outcome).toMatchObject({ outcome: "parked", reason: "blocked-address" });
  });

  test("an attempt leaves no timer behind, whatever its outcome", async () => {
    const { url } = receiver(({ path }) =>
      path === "/empty" ? new Response(null, { status: 204 }) : new Response("body"),
    );
    const gone = startReceiver();
    await gone.stop();
    const program = `
      import { deliver } from ${JSON.stringify(import.meta.resolve("../../src/delivery/deliver.ts"))};
      import { createGuard } from ${JSON.stringify(import.meta.resolve("../../src/delivery/guard/guard.ts"))};
      import { createResolver } from ${JSON.stringify(import.meta.resolve("../../src/delivery/guard/resolve.ts"))};
      import { createSender } from ${JSON.stringify(import.meta.resolve("../../src/delivery/http/send.ts"))};
      import { fluxdrop } from ${JSON.stringify(import.meta.resolve("../../src/wire/dialects/fluxdrop.ts"))};
      import { Signer } from ${JSON.stringify(import.meta.resolve("../../src/wire/signature.ts"))};
      const guard = createGuard({ allowRanges: ["127.0.0.0/8"], ports: [], allowHttp: false, resolve: createResolver() });
      for (const url of ["${url}", "${url}/empty", "${gone.url}", "http://10.0.0.1/", "http://nowhere.invalid/"]) {
        const attempt = await deliver({
          deliveryId: crypto.randomUUID(), attempt: 1,
          event: { id: "evt_1", type: "file.created", timestamp: "2026-01-31T12:00:00Z", data: "{}" },
          target: { url, dialect: fluxdrop, secrets: [new Signer("${SECRET}")], headers: {}, timeoutMs: 600_000, scheduleMs: [0] },
        }, { guard, send: createSender(), now: Date.now, random: Math.random });
        await attempt.drained;
        console.log(attempt.outcome.outcome, attempt.outcome.reason);
      }`;
    // Ends only if nothing keeps its event loop alive.
    const child = Bun.spawn(["bun", "-e", program], { stdout: "pipe", stderr: "inherit" });
    expect(await new Response(child.stdout).text()).toBe(
      "delivered null\ndelivered null\nparked connection-refused\nparked blocked-address\nparked dns\n",
    );
    expect(await child.exited).toBe(0);
  });
});
