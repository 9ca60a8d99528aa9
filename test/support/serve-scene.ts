// What an end-to-end test plays on: a prefix of its own in a real Valkey, real processes, real
// receivers. `await using scene = await openScene()` ends all of it with the test.
import type { WebhookId } from "../../src/wire/ids.ts";
import { createHmac } from "node:crypto";
import type { Redis } from "iovalkey";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import type { LocalValkey } from "../../src/local-valkey/start.ts";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import type { Webhook, WebhookCreate } from "../../src/wire/webhook.ts";
import { pushEvents, type Element } from "./push-events.ts";
import { startReceiver, type ReceivedRequest, type Receiver, type Respond } from "./receiver.ts";
import { startServiceProcess, type ServiceOptions, type ServiceProcess } from "./service.ts";
import { freshPrefix, sharedValkey, testRedis } from "./valkey.ts";

export interface Scene extends AsyncDisposable {
  valkey: LocalValkey;
  prefix: string;
  /** The list that a service of this scene takes from, unless its settings name others. */
  queue: string;
  /** For the test itself to look at keys. */
  redis: Redis;
  serve(env?: Record<string, string>, options?: Partial<ServiceOptions>): Promise<ServiceProcess>;
  receiver(respond?: Respond): Receiver;
  /** In another process; the first is the oldest. */
  push(...elements: Element[]): Promise<void>;
  /** The public log of an owner, read as another service would. */
  logOf(owner: string): Promise<LogEntry[]>;
}

export interface Registered extends Webhook {
  id: WebhookId;
  secret: string;
}

export async function openScene(): Promise<Scene> {
  const valkey = await sharedValkey();
  const prefix = freshPrefix();
  const queue = `${prefix}:events`;
  await using opened = new AsyncDisposableStack();
  const redis = opened.adopt(await testRedis(valkey.url), (client) => client.disconnect());
  const stack = opened.move();
  return {
    valkey,
    prefix,
    queue,
    redis,
    serve: async (env = {}, options = {}) =>
      stack.use(await startServiceProcess({ valkeyUrl: valkey.url, prefix, env, ...options })),
    receiver: (respond) => stack.adopt(startReceiver(respond), (receiver) => receiver.stop()),
    push: (...elements) => pushEvents(valkey.url, queue, elements),
    async logOf(owner) {
      const texts = await redis.lrange(`${prefix}:logs:${owner}`, 0, 9);
      return texts.map((text) => JSON.parse(text) as LogEntry);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Registers a webhook through the API. */
export async function register(
  service: ServiceProcess,
  webhook: Partial<WebhookCreate> & { url: string },
): Promise<Registered> {
  const { status, body } = await service.api<Registered>("POST", "/v1/webhooks", webhook);
  if (status !== 201) throw new Error(`no webhook was made: ${status} ${Bun.inspect(body)}`);
  return body;
}

/** An event as a producer pushes it. */
export function eventFor(owner: string, n = 0, type = "file.created"): string {
  return `{"user_id":"${owner}","event":"${type}","data":{"n":${n}}}`;
}

/** `data.n` of what a receiver got. */
export function numberOf({ text }: ReceivedRequest): number {
  return (JSON.parse(text) as { data: { n: number } }).data.n;
}

/** Throws unless three verifiers from other hands accept the request. */
export function verifyAll({ headers, body, text }: ReceivedRequest, secret: string): void {
  const own = createHmac("sha256", secret).update(body).digest("hex");
  if (headers.get("x-fluxdrop-signature") !== own) throw new Error("X-Fluxdrop-Signature differs");
  const fields = Object.fromEntries(headers) as Record<string, string>;
  new StandardWebhook(secret).verify(text, fields);
  new SvixWebhook(secret).verify(text, fields);
}
