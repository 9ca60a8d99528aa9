// The SDK's types, which speak for themselves so that the package needs no other, are those of wire/
// and of the API. `bun check` is what runs this file; a drift does not compile.
import { test } from "bun:test";
import type { Request, Response } from "express";
import express from "express";
import { Hono } from "hono";
import { Redis as IoRedis } from "ioredis";
import { Redis as IoValkey } from "iovalkey";
import type { z } from "zod";
import type { ProblemKind as ApiProblemKind } from "../../src/api/http/problem.ts";
import * as sdk from "../../src/sdk/index.ts";
import { eventOf, receiveWebhook as receiveByExpress } from "../../src/sdk/express.ts";
import { receiveWebhook as receiveByHono, type WebhookVariables } from "../../src/sdk/hono.ts";
import type { DialectName } from "../../src/wire/dialects/registry.ts";
import type { eventSchema } from "../../src/wire/event.ts";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import type { VerificationFailure } from "../../src/wire/verify.ts";
import type { Webhook, webhookCreateSchema, webhookPatchSchema } from "../../src/wire/webhook.ts";

/** Compiles where each of the two can stand for the other. */
function same<A, B>(..._proof: [A] extends [B] ? ([B] extends [A] ? [] : [never]) : [never]) {}
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what is expected
function accepts<A>(_value: A) {}

test("the types of the SDK equal those of wire/ and the API", () => {
  same<sdk.Webhook, Webhook>();
  same<sdk.LogEntry, LogEntry>();
  same<sdk.DialectName, DialectName>();
  same<sdk.VerificationCode, VerificationFailure | "bad-body">();
  same<sdk.WebhookCreate, z.input<typeof webhookCreateSchema>>();
  same<sdk.WebhookPatch, z.input<typeof webhookPatchSchema>>();
  same<Exclude<ApiProblemKind, sdk.ProblemKind>, never>();
  same<keyof sdk.EventInput, keyof z.input<typeof eventSchema>>();
});

// Never called: what is in it has to compile, or not to.
export async function compiles(flux: sdk.Flux, rawBody: Uint8Array, headers: Headers, key: string) {
  const any: sdk.WebhookEvent = flux.webhooks.verify(rawBody, headers, key);
  // @ts-expect-error -- not every dialect has an id in the body
  accepts(any.id);
  const event = sdk.verify<sdk.FluxdropEvent<"a" | "b", { n: number }>>(rawBody, headers, [key]);
  accepts<"a" | "b">(event.event);
  accepts<number>(event.data.n);
  // @ts-expect-error -- a parsed body
  sdk.verify({ id: "evt_1" }, headers, key);
  // @ts-expect-error -- no secret
  sdk.verify(rawBody, headers, process.env["SECRET"]);
  sdk.verify("", { "webhook-id": ["a"], other: undefined }, key, { toleranceSeconds: 1 });

  const { secret } = await flux.webhooks.create({ user_id: "u_1", url: "https://a.example" });
  accepts<string>(secret);
  // @ts-expect-error -- the secret is shown at the creation only
  accepts((await flux.webhooks.get("wh_1")).secret);
  // @ts-expect-error -- a webhook without a url
  await flux.webhooks.create({ user_id: "u_1" });
  // @ts-expect-error -- a field that no webhook has
  await flux.webhooks.update("wh_1", { uri: "https://a.example" });
  for await (const webhook of flux.webhooks.list({ org_id: "o_1" })) accepts<sdk.Webhook>(webhook);

  interface FileCreated {
    name: string;
  }
  const data: FileCreated = { name: "a" };
  await flux.events.send({ user_id: "u_1", event: "file.created", data });
  await flux.events.send([{ org_id: "o_1", event: "file.created", data, timestamp: new Date() }]);
  // @ts-expect-error -- an event of nobody
  await flux.events.send({ event: "file.created", data });
  // @ts-expect-error -- data is an object
  await flux.events.send({ user_id: "u_1", event: "file.created", data: "text" });

  const input: sdk.EventInput = { user_id: "u_1", event: "file.created", data };
  await sdk.enqueue(new IoValkey(), input);
  await sdk.enqueue(new IoRedis(), input);
  await sdk.enqueue(Bun.redis, input);
  // @ts-expect-error -- a client that cannot push
  await sdk.enqueue({ rpush: async () => 1 }, input);
}

export function compilesBeforeHono(secret: string) {
  const app = new Hono<{
    Bindings: { SECRET: string };
    Variables: WebhookVariables<sdk.FluxEvent> & { other: number };
  }>();
  app.use("/hooks/*", receiveByHono({ secret }));
  app.post(
    "/hooks",
    receiveByHono({ secret, onFailure: ({ code }) => accepts<string>(code) }),
    (c) => {
      accepts<number>(c.get("event").created);
      accepts<Uint8Array>(c.var.rawBody);
      return c.body(null, 204);
    },
  );
  new Hono().post("/hooks", receiveByHono({ secret: (c) => c.req.param("tenant") ?? secret }));
}

export function compilesBeforeExpress(secret: string) {
  const app = express();
  const perTenant = receiveByExpress<Request>({ secret: async (req) => [secret, req.ip ?? ""] });
  app.use(receiveByExpress({ secret }));
  app.post("/hooks", perTenant, (req: Request, res: Response) => {
    accepts<string>(eventOf<sdk.FluxdeskEvent>(req).title);
    res.sendStatus(204);
  });
}
