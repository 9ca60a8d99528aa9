// Who is measured. Each delivers the same events to the same webhooks, signed, with retries.
import type { WebhookCreate } from "../../src/wire/webhook.ts";
import { offer, type Offer } from "../open-loop.ts";
import type { Stage } from "../stage.ts";
import type { Workload } from "../workload.ts";

export const CONTENDER_NAMES = ["bare", "fluxhook", "bullmq-bun", "bullmq-node", "naive"] as const;

export type ContenderName = (typeof CONTENDER_NAMES)[number];

export interface Contender {
  name: ContenderName;
  /** As tables and the chart call it. */
  label: string;
  prepare(stage: Stage, workload: Workload, options?: ContenderOptions): Promise<Prepared>;
}

export interface ContenderOptions {
  /** Processes that share the work; one where it is missing. */
  workers?: number;
  /** What Fluxhook's webhooks are registered with besides. */
  webhook?: Partial<WebhookCreate>;
  /** Environment variables of Fluxhook's processes besides. */
  env?: Readonly<Record<string, string>>;
}

/** Its webhooks are registered; nothing delivers yet. */
export interface Prepared {
  /** So many more events wait; resolves when they are acknowledged. */
  push: (count: number) => Promise<void>;
  start: () => Promise<Running>;
}

export interface Running {
  pids: readonly number[];
  /** Where its API is; only Fluxhook has one. */
  urls?: readonly string[];
  /** Events at times fixed beforehand; answers how late they were offered (ms, p99). */
  offer: (rate: Offer) => Promise<number>;
  /** Ends the processes as an operator would. Fluxhook has it: its profile is written at its end. */
  stop?: () => Promise<void>;
}

/** A producer's pipeline: more at once gains nothing and fills buffers. */
const PUSH_GROUP = 500;

/** What a push means to one who has a queue; `pushGroup` is given at most 500. */
export function queueProducer(pushGroup: (first: number, count: number) => Promise<unknown>): {
  push: Prepared["push"];
  offer: Running["offer"];
} {
  let next = 0;
  const pushNext = (count: number) => {
    next += count;
    return pushGroup(next - count, count);
  };
  return {
    async push(count) {
      for (let left = count; left > 0; left -= PUSH_GROUP) {
        await pushNext(Math.min(left, PUSH_GROUP));
      }
    },
    async offer(rate) {
      const pushed = new Set<Promise<unknown>>();
      let failure: unknown = null;
      const lateMs = await offer(rate, (_, count) => {
        const push = pushNext(count)
          .catch((error: unknown) => (failure ??= error))
          .finally(() => pushed.delete(push));
        pushed.add(push);
      });
      await Promise.all(pushed);
      if (failure !== null) throw new Error("an event could not be pushed", { cause: failure });
      return lateMs;
    },
  };
}
