// Sends one request or delivers one event for the tests: always to this machine, whatever the URL's name
// is.
import type { Address } from "../../src/delivery/guard/address.ts";
import { Deadline } from "../../src/deadline.ts";
import type { Delivery, DeliverDeps } from "../../src/delivery/deliver.ts";
import { createGuard, type GuardOptions } from "../../src/delivery/guard/guard.ts";
import { createResolver } from "../../src/delivery/guard/resolve.ts";
import type { Answer } from "../../src/delivery/http/answer.ts";
import { createSender, type Send, type SenderOptions } from "../../src/delivery/http/send.ts";
import { readTarget } from "../../src/delivery/guard/target.ts";
import { fluxdrop } from "../../src/wire/dialects/fluxdrop.ts";
import { Signer } from "../../src/wire/signature.ts";

export const LOOPBACK: Address = { address: "127.0.0.1", family: 4 };
export const LOOPBACK_V6: Address = { address: "::1", family: 6 };

export interface SendOptions extends SenderOptions {
  addresses?: Address[];
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
  deadline?: Deadline;
  /** Replaces the sender that requests with the same options share. */
  sender?: Send;
}

const senders = new Map<string, Send>();

/** Returns one sender for all requests with the same options, so that connections are reused. */
function senderFor({ ca, proxy }: SenderOptions): Send {
  const key = JSON.stringify([ca, proxy]);
  const sender = senders.get(key) ?? createSender({ ca, proxy });
  senders.set(key, sender);
  return sender;
}

export async function sendTo(
  url: string,
  { addresses = [LOOPBACK], headers = {}, body = "{}", ...options }: SendOptions = {},
): Promise<Answer> {
  const deadline = options.deadline ?? new Deadline(options.timeoutMs ?? 20_000);
  const answer = await (options.sender ?? senderFor(options))({
    target: readTarget(url)!,
    addresses,
    headers,
    body: new TextEncoder().encode(body),
    deadline,
  });
  if (answer.kind !== "response") deadline.clear();
  return answer;
}

export const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const DATA = `{"n":12345678901234567890, "price": 1.0,"e":"\\u00e9","é":"😀"}`;

/** Every name except `nowhere.test` resolves to this machine. */
export function deps(options: Partial<GuardOptions> = {}): DeliverDeps {
  const guard = createGuard({
    allowRanges: ["127.0.0.0/8"],
    ports: [{ from: 443, to: 443 }],
    allowHttp: false,
    resolve: createResolver({
      async lookup(name) {
        if (name === "nowhere.test") throw Object.assign(new Error(name), { code: "ENOTFOUND" });
        return [{ address: "127.0.0.1", family: 4 }];
      },
    }),
    ...options,
  });
  return { guard, send: senderFor({}), now: Date.now, random: () => 0 };
}

export function delivery(url: string, target: Partial<Delivery["target"]> = {}): Delivery {
  return {
    deliveryId: crypto.randomUUID(),
    attempt: 1,
    event: { id: "evt_1", type: "file.created", timestamp: "2026-01-31T12:00:00Z", data: DATA },
    target: {
      url,
      dialect: fluxdrop,
      secrets: [new Signer(SECRET)],
      headers: {},
      timeoutMs: 10_000,
      scheduleMs: [0, 60_000],
      ...target,
    },
  };
}
