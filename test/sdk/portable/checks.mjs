// What the built package must do on every runtime: nothing here but what each of them has. Throws at
// the first thing that is wrong; answers what it has checked.

/**
 * @typedef {{
 *   secret: string, otherSecret: string, nowSeconds: number,
 *   samples: { dialect: string, headers: Record<string, string>, body: string, own: string | null }[],
 *   vector: { secret: string, id: string, timestamp: number, body: string, signature: string },
 *   service: { url: string, token: string, owner: string, unreachable: string },
 * }} Input
 */

/** @param {Input} input */
export async function check(sdk, middleware, input) {
  const done = [];
  for (const [claim, run] of Object.entries(CHECKS)) {
    try {
      await run(sdk, input, middleware);
    } catch (error) {
      throw new Error(`not so: ${claim}: ${error?.stack ?? error}`, { cause: error });
    }
    done.push(claim);
  }
  return done;
}

const CHECKS = {
  "the vector of Standard Webhooks is accepted, and refused when tampered with"(sdk, { vector }) {
    const headers = {
      "Webhook-Id": vector.id,
      "webhook-timestamp": String(vector.timestamp),
      "webhook-signature": vector.signature,
    };
    const options = { nowSeconds: vector.timestamp };
    equal(sdk.verify(vector.body, headers, vector.secret, options), JSON.parse(vector.body));
    const error = thrown(() => sdk.verify(`${vector.body} `, headers, vector.secret, options));
    is(error instanceof sdk.WebhookVerificationError, error);
    equal(error.code, "no-matching-signature");
    const old = thrown(() => sdk.verify(vector.body, headers, vector.secret));
    equal(old.code, "too-old");
  },

  "what Fluxhook signs is accepted in every dialect and form"(sdk, input) {
    const { secret, otherSecret, nowSeconds, samples } = input;
    for (const { headers, body, own } of samples) {
      const bytes = new TextEncoder().encode(body);
      for (const payload of [body, bytes, bytes.buffer]) {
        const forms = [headers, new Headers(headers), ...(own === null ? [] : [own])];
        for (const form of forms) {
          const secrets = [otherSecret, secret];
          equal(sdk.verify(payload, form, secrets, { nowSeconds }), JSON.parse(body));
        }
      }
      equal(
        thrown(() => sdk.verify(body, headers, otherSecret, { nowSeconds })).code,
        "no-matching-signature",
      );
    }
  },

  "a parsed body is told where to take the raw one from"(sdk, { secret, samples: [sample] }) {
    const error = thrown(() => sdk.verify(JSON.parse(sample.body), sample.headers, secret));
    is(error instanceof TypeError, error);
    is(error.message.includes("express.raw"), error);
  },

  async "the client makes, lists, changes and deletes a webhook"(sdk, { service }) {
    const flux = new sdk.Flux({ apiKey: service.token, baseUrl: service.url });
    const user_id = service.owner;
    const made = await flux.webhooks.create({ user_id, url: "https://example.com/a" });
    is(made.secret.startsWith("whsec_"), made.id);
    await flux.webhooks.create({ user_id, url: "https://example.com/b" });
    const urls = [];
    for await (const { url } of flux.webhooks.list({ user_id, limit: 1 })) urls.push(url);
    equal(urls, ["https://example.com/a", "https://example.com/b"]);
    equal((await flux.webhooks.update(made.id, { events: ["a.*"] })).events, ["a.*"]);
    for (const { id } of await flux.webhooks.list({ user_id }).toArray()) {
      await flux.webhooks.delete(id);
    }
    const error = await rejected(flux.webhooks.get(made.id));
    is(error instanceof sdk.FluxError, error);
    equal([error.status, error.type], [404, "urn:fluxhook:problem:not-found"]);
  },

  async "events are sent, under one key only once"(sdk, { service }) {
    const flux = new sdk.Flux({ apiKey: service.token, baseUrl: service.url });
    const event = { user_id: service.owner, event: "a.b", data: { n: 1 } };
    const idempotencyKey = crypto.randomUUID();
    const first = await flux.events.send([event, event], { idempotencyKey });
    equal(first.ids.length, 2);
    equal(await flux.events.send([event, event], { idempotencyKey }), first);
    equal(await flux.logs.list(service.owner), []);
  },

  async "a connection that fails is a FluxError, an abort its reason"(sdk, { service }) {
    const options = { apiKey: "key", baseUrl: service.unreachable, retries: 1 };
    const flux = new sdk.Flux(options);
    const error = await rejected(flux.logs.list("u_1"));
    equal([error.name, error.type], ["FluxError", "urn:fluxhook:sdk:connection"]);
    equal(error.attempts, 2);
    const reason = new Error("no longer wanted");
    equal(await rejected(flux.logs.list("u_1", { signal: AbortSignal.abort(reason) })), reason);
  },

  async "enqueue checks, makes an id, and pushes again"(sdk) {
    const pushed = [];
    const client = {
      async lpush(key, element) {
        pushed.push([key, element]);
        if (pushed.length === 1) throw new Error("the reply was lost");
      },
    };
    const event = { user_id: "u_1", event: "a.b", data: { n: 1 } };
    const { id } = await sdk.enqueue(client, event, { queue: "list" });
    equal(pushed.length, 2);
    equal(pushed[0], pushed[1]);
    equal(JSON.parse(pushed[0][1]).id, id);
    const error = await rejected(sdk.enqueue(client, { ...event, event: "no type" }));
    is(error instanceof sdk.InvalidEventError, error);
    equal(error.errors[0].field, "event");
  },

  async "the middleware for Hono verifies a Request"(_sdk, input, { receiveWebhook }) {
    const { secret, nowSeconds, samples } = input;
    for (const { headers, body } of samples) {
      for (const [text, status] of [
        [body, 204],
        [`${body} `, 401],
      ]) {
        const kept = {};
        const raw = new Request("https://example.com", { method: "POST", headers, body: text });
        const c = {
          req: { raw, bodyCache: {} },
          set: (name, value) => (kept[name] = value),
        };
        let response = new Response(null, { status: 204 });
        const refused = await receiveWebhook({ secret, nowSeconds })(c, async () => {
          equal(kept.event, JSON.parse(body));
          equal(await c.req.raw.text(), body);
        });
        if (refused) response = refused;
        equal(response.status, status);
      }
    }
  },
};

function is(condition, found) {
  if (!condition) throw new Error(`found ${found}`);
}

function equal(found, expected) {
  if (found === expected) return;
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (typeof expected !== "object" || a !== b) throw new Error(`found ${a}, not ${b}`);
}

function thrown(run) {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

async function rejected(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}
