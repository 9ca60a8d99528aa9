import { expect, test } from "bun:test";
import type { Claimed, Settlement } from "../../../src/valkey/queue/queue-store.ts";
import { Membership } from "../../../src/worker/settle/membership.ts";
import type { QueueStore } from "../../../src/valkey/queue/queue-store.ts";
import type { Settler } from "../../../src/worker/settle/settler.ts";

const LANE: Settlement = { verb: "lane", webhookId: "wh_1", header: "{}" };

function member(): Membership {
  const settler = { add() {} } as unknown as Settler;
  const membership = new Membership({} as QueueStore, settler);
  membership.joined("w");
  return membership;
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

test("a lane that was empty is known no more", () => {
  const membership = member();
  membership.lanes.add("wh_1");
  membership.laneWasEmpty("wh_1");
  expect([...membership.lanes]).toEqual([]);
});

// Else the next element of the list would be sent before those that are on their way into the lane.
test("a lane is known until all that is on its way into it has arrived", () => {
  const membership = member();
  const claims = [claim("1"), claim("2")] as const;
  for (const one of claims) membership.settle(one, LANE);
  for (const one of claims) {
    membership.laneWasEmpty("wh_1");
    expect([...membership.lanes]).toEqual(["wh_1"]);
    membership.release(one);
  }
  membership.laneWasEmpty("wh_1");
  expect([...membership.lanes]).toEqual([]);
});

test("what a worker id that was judged dead had on its way is forgotten with it", () => {
  const membership = member();
  membership.settle(claim("1"), LANE);
  membership.joined("w2");
  membership.lanes.add("wh_1");
  membership.laneWasEmpty("wh_1");
  expect([...membership.lanes]).toEqual([]);
});
