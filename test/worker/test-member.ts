// A member of a real queue: what the stages of the worker are given, without the worker.
import type { Link, StoreLink } from "../../src/valkey/connection/link.ts";
import type { Claimed } from "../../src/valkey/queue/claimed.ts";
import { QueueStore } from "../../src/valkey/queue/queue-store.ts";
import { Capacity } from "../../src/worker/settle/capacity.ts";
import { Claims } from "../../src/worker/settle/claims.ts";
import { WakeUp } from "../../src/worker/wake-up.ts";
import type { TestQueue } from "../valkey/queue/test-queue.ts";
import { logLines, type LogLines } from "./log-lines.ts";

export interface TestMember {
  claims: Claims;
  capacity: Capacity;
  log: LogLines;
  /** Claims that have ended, in groups. */
  settled: Claimed[][];
  /** How many groups had a parked delivery. */
  parkedGroups: number;
  /** Called for each settlement that goes alone, `via` another connection than the usual one or not. */
  goesAlone: (via?: StoreLink) => void;
}

/** `link` is the member's own if it is to have another one than the test. */
export function member(queue: TestQueue, link: Link): TestMember {
  const capacity = new Capacity(10_000, new WakeUp());
  const log = logLines();
  const claims = new Claims({
    store: new QueueStore(link, queue.store.queue),
    capacity,
    link,
    log,
    claimer: new WakeUp(),
    parkedSweep: { sweepSoon: () => (one.parkedGroups += 1) },
    goesAlone: (via) => one.goesAlone(via),
  });
  const one: TestMember = {
    claims,
    capacity,
    log,
    settled: [],
    parkedGroups: 0,
    goesAlone: () => {},
  };
  const release = claims.release.bind(claims);
  claims.release = (ended) => {
    release(ended);
    one.settled.push([...ended]);
  };
  return one;
}

/** Claims as a member does, and holds what it got. */
export async function joinAndClaim(
  one: TestMember,
  queue: TestQueue,
  worker: string,
  ...elements: string[]
): Promise<Claimed[]> {
  await queue.join(worker);
  if (one.claims.worker !== worker) one.claims.joined(worker);
  await queue.push(...elements);
  const claimed = await queue.claim(worker, { maxItems: 1_000 });
  one.claims.hold(claimed);
  return claimed;
}
