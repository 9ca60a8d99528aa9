import { expect, test } from "bun:test";
import type { Settlement } from "../../../src/valkey/queue/settlement.ts";
import type { Claimed } from "../../../src/valkey/queue/claimed.ts";
import type { QueueStore } from "../../../src/valkey/queue/queue-store.ts";
import { Capacity } from "../../../src/worker/settle/capacity.ts";
import { Claims } from "../../../src/worker/settle/claims.ts";
import { WakeUp } from "../../../src/worker/wake-up.ts";
import { deliveryHeader } from "../../valkey/queue/test-queue.ts";
import { logLines } from "../log-lines.ts";

const LANE: Settlement = { verb: "lane", webhookId: "wh_1", header: deliveryHeader("d1") };

/** Its settlements never reach Valkey. */
function member(): Claims {
  const claims = new Claims({
    store: { settle: () => new Promise(() => {}) } as unknown as QueueStore,
    capacity: new Capacity(10, new WakeUp()),
    link: { whenUp: async () => true },
    log: logLines(),
    claimer: new WakeUp(),
    parkedSweep: { sweepSoon: () => {} },
  });
  claims.joined("w");
  return claims;
}

const claim = (number: string): Claimed => ({
  worker: "w",
  number,
  crashes: 0,
  header: { claim: number, at: 0 },
  source: "list",
  shared: false,
  bytes: null,
});

test("a lane that was found empty is forgotten", () => {
  const one = member();
  one.lanes.add("wh_1");
  one.laneWasEmpty("wh_1");
  expect([...one.lanes]).toEqual([]);
});

// Else the next element of the list would be sent before those that are on their way into the lane.
test("a lane is known until all deliveries on their way into it have arrived", () => {
  const one = member();
  const claims = [claim("1"), claim("2")] as const;
  for (const each of claims) one.settle(each, LANE);
  for (const each of claims) {
    one.laneWasEmpty("wh_1");
    expect([...one.lanes]).toEqual(["wh_1"]);
    one.release([each]);
  }
  one.laneWasEmpty("wh_1");
  expect([...one.lanes]).toEqual([]);
});

test("deliveries on their way to a lane are forgotten with the worker id that was declared dead", () => {
  const one = member();
  one.settle(claim("1"), LANE);
  one.joined("w2");
  one.lanes.add("wh_1");
  one.laneWasEmpty("wh_1");
  expect([...one.lanes]).toEqual([]);
});
