// A member of a real queue: what the stages of the worker are given, without the worker.
import type { Link } from "../../src/valkey/connection/link.ts";
import { QueueStore, type Claimed } from "../../src/valkey/queue/queue-store.ts";
import { Membership } from "../../src/worker/settle/membership.ts";
import { Settler } from "../../src/worker/settle/settler.ts";
import type { TestQueue } from "../valkey/queue/test-queue.ts";
import { logLines, type LogLines } from "./log-lines.ts";

export interface TestMember {
  membership: Membership;
  settler: Settler;
  log: LogLines;
  /** Claims that have ended, in groups. */
  settled: Claimed[][];
  parkedGroups: number;
}

/** `link` is the member's own, where it is to have another one than the test. */
export function member(queue: TestQueue, link: Link): TestMember {
  const store = new QueueStore(link, queue.store.queue);
  const log = logLines();
  const one: TestMember = {
    settled: [],
    parkedGroups: 0,
    log,
    settler: new Settler({
      store,
      log,
      whenUp: () => link.whenUp(),
      onSettled: (claims) => {
        for (const claim of claims) one.membership.release(claim);
        one.settled.push([...claims]);
      },
      onFailed: (error) => one.membership.progress.settleFailed(error),
      onParked: () => (one.parkedGroups += 1),
    }),
    membership: null as unknown as Membership,
  };
  one.membership = new Membership(store, one.settler);
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
  if (one.membership.worker !== worker) one.membership.joined(worker);
  await queue.push(...elements);
  const claims = await queue.claim(worker, { mostItems: 1_000 });
  for (const claim of claims) one.membership.hold(claim);
  return claims;
}
