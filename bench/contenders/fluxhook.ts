// Fluxhook as it is shipped: the binary, every guarantee on, settings as they come.
import type { WebhookCreate } from "../../src/wire/webhook.ts";
import { Child } from "../child.ts";
import { wallMs } from "../measure.ts";
import { pinned, type Pins } from "../machine.ts";
import type { Stage } from "../stage.ts";
import { dataText, EVENT_TYPE, ownerOfEvent, SECRET, type Workload } from "../workload.ts";
import { queueProducer, type Contender } from "./contender.ts";

export const API_TOKEN = "bench-token-of-thirty-two-letters";
const QUEUE = "fluxhook:events";
const REGISTERED_AT_ONCE = 32;

/** `command` starts the workers; it is another one than the binary where its source is profiled. */
export function fluxhook(
  binary: string,
  command: readonly string[] = [binary, "serve"],
): Contender {
  return {
    name: "fluxhook",
    label: "Fluxhook",
    prepare: async (stage, workload, { workers = 1, webhook, env } = {}) => {
      await registerAll(binary, stage, workload, webhook);
      const { push, offer } = queueProducer((first, count) => {
        const nowMs = wallMs();
        const elements = Array.from({ length: count }, (_, i) =>
          element(workload, first + i, nowMs),
        );
        return stage.redis.lpush(QUEUE, ...elements);
      });
      return {
        push,
        start: async () => {
          const started = Array.from({ length: workers }, () =>
            stage.use(spawnFluxhook(command, stage, stage.pins, env)),
          );
          const urls = await Promise.all(started.map(whenReady));
          const stop = async () => void (await Promise.all(started.map((child) => child.stop())));
          return { pids: started.map(({ pid }) => pid), urls, offer, stop };
        },
      };
    },
  };
}

/** On its part's core; `null`: on any. */
export function spawnFluxhook(
  command: readonly string[],
  stage: Stage,
  pins: Pins,
  env: Readonly<Record<string, string>> = {},
): Child {
  return Child.spawn("fluxhook", pinned(command, "contender", pins), {
    FLUXHOOK_VALKEY_URL: stage.valkey.url,
    FLUXHOOK_PORT: "0",
    FLUXHOOK_API_TOKEN: API_TOKEN,
    FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8,::1/128",
    // Bun adds its certificates to the ones it trusts (its manual, "TLS").
    ...(stage.tls && { NODE_EXTRA_CA_CERTS: stage.tls.cert }),
    ...env,
  });
}

/** Answers the address of its API. */
export async function whenReady(child: Child): Promise<string> {
  const { url } = await child.next(({ event }) => event === "service.started");
  await child.next(({ event }) => event === "service.ready");
  return String(url);
}

/** By the API, in a process that is over before anything is measured. */
export async function registerAll(
  binary: string,
  stage: Stage,
  { urls, perOwner }: Workload,
  settings: Partial<WebhookCreate> = {},
): Promise<void> {
  await using registrar = spawnFluxhook([binary, "serve"], stage, null);
  const api = await whenReady(registrar);
  let next = 0;
  const register = async () => {
    while (next < urls.length) {
      const webhook = next++;
      const body = {
        user_id: `u_${Math.floor(webhook / perOwner)}`,
        url: urls[webhook],
        secret: SECRET,
        ...settings,
      };
      const response = await fetch(`${api}/v1/webhooks`, {
        method: "POST",
        headers: { Authorization: `Bearer ${API_TOKEN}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const answer = await response.text();
      if (response.status !== 201) throw new Error(`not registered: ${response.status} ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: REGISTERED_AT_ONCE }, register));
  await registrar.stop();
}

export function element(workload: Workload, n: number, nowMs: number): string {
  const owner = ownerOfEvent(workload, n);
  return `{"user_id":"u_${owner}","event":"${EVENT_TYPE}","data":${dataText(workload, n, nowMs)}}`;
}
