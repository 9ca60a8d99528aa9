import { expect, test } from "bun:test";
import { Link } from "../../../src/valkey/connection/link.ts";
import { ValkeyUnavailable } from "../../../src/valkey/connection/errors.ts";
import type { StoreLink } from "../../../src/valkey/connection/link.ts";
import type { Settlement } from "../../../src/valkey/queue/settlement.ts";
import { eventually } from "../../support/eventually.ts";
import { deliveryHeader, named } from "../../valkey/queue/test-queue.ts";
import { useOwnLab } from "../../valkey/queue/use-lab.ts";
import { joinAndClaim, member, type TestMember } from "../test-member.ts";

const DONE: Settlement = { verb: "done", ending: "delivered" };

const BACK: Settlement = { verb: "back", header: null };

const { valkey, lab } = useOwnLab();

test("settlements that come together are one group, and those that come meanwhile are the next", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const claims = await joinAndClaim(one, queue, "w", "a", "b", "c");
  one.claims.settle(claims[0]!, DONE);
  one.claims.settle(claims[1]!, DONE);
  expect(one.claims.held.size).toBe(3);
  await eventually(() => one.settled.length > 0);
  one.claims.settle(claims[2]!, DONE);
  await one.claims.whenSettled();

  expect(one.settled).toEqual([[claims[0]!, claims[1]!], [claims[2]!]]);
  expect(one.claims.held.size).toBe(0);
  expect(await queue.ended()).toEqual({ delivered: 3 });
});

test("a thousand settlements at once are sent in groups of at most 256", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const elements = Array.from({ length: 1_000 }, (_, i) => `e${i}`);
  for (const claim of await joinAndClaim(one, queue, "w", ...elements)) {
    one.claims.settle(claim, DONE);
  }
  await one.claims.whenSettled();
  expect(one.settled.map((group) => group.length)).toEqual([256, 256, 256, 232]);
  expect(await queue.ended()).toEqual({ delivered: 1_000 });
});

test("claims of an earlier worker id are fenced by that id", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [late] = await joinAndClaim(one, queue, "w1", "a");
  await queue.expireLease("w1");
  await queue.store.takeOver("w1", 10_000);
  const [again, b] = await joinAndClaim(one, queue, "w2", "b");
  expect(again?.number).toBe(late!.number);

  one.claims.settle(late!, { verb: "done", ending: "nobody" });
  one.claims.settle(b!, DONE);
  await one.claims.whenSettled();

  expect(await queue.places()).toEqual({ claims: ["a"] });
  expect(await queue.ended()).toEqual({ delivered: 1 });
  // The late one must not make it forget the claim of the same number that it holds now.
  expect([...one.claims.held.values()]).toEqual([again!]);
});

test("what goes along with a settlement that goes alone is behind it", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [claim] = await joinAndClaim(one, queue, "w", "a");
  const { promise: left, resolve } = Promise.withResolvers<number>();
  const claims = queue.store.keys.claims("w");
  one.goesAlone = () => resolve(lab.link.run((client) => client.hlen(claims)));
  one.claims.settle(claim!, DONE);
  // Sent before the settlement is answered, and answered after it.
  expect(await left).toBe(0);
  await one.claims.whenSettled();
});

test("while claims follow each other soon no settlement goes alone", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [a, b] = await joinAndClaim(one, queue, "w", "a", "b");
  let alone = 0;
  one.goesAlone = () => (alone += 1);
  one.claims.settle(a!, DONE);
  await one.claims.whenSettled();
  expect(alone).toBe(1);
  await one.claims.askedFor();
  await one.claims.askedFor();
  one.claims.settle(b!, DONE);
  await one.claims.whenSettled();
  expect(alone).toBe(1);
});

/** Two claims in quick succession: from then on a settlement waits for the next one. */
async function soon(one: TestMember): Promise<void> {
  await one.claims.askedFor();
  await one.claims.askedFor();
}

test("while claims follow each other soon what goes back to the list goes with the next one, and a delivery with a later one", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [a, b] = await joinAndClaim(one, queue, "w", "a", "b");
  let commands = 0;
  const via: StoreLink = {
    run: (...args) => {
      commands += 1;
      return lab.link.run(...args);
    },
  };
  await soon(one);
  one.claims.settle(a!, DONE);
  expect(one.claims.askedFor(via)).toBeNull();
  one.claims.settle(b!, BACK);
  const handedOver = one.claims.askedFor(via);
  expect(handedOver).not.toBeNull();
  await handedOver;
  await one.claims.whenSettled();
  expect(one.settled).toEqual([[a!, b!]]);
  // It needs the script, which goes the usual way.
  expect(commands).toBe(0);
});

test("no settlement waits for a claim while one is held up for want of room", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [a] = await joinAndClaim(one, queue, "w", "a");
  await soon(one);
  one.capacity.isWanted = true;
  one.claims.settle(a!, BACK);
  expect(one.claims.askedFor()).toBeNull();
  await one.claims.whenSettled();
  expect(one.settled).toEqual([[a!]]);
});

test("a settlement whose reply is lost twice is counted once", async () => {
  const queue = lab.queue();
  let losses = 2;
  // Valkey has run it, and the connection breaks before the reply.
  const run: Link["run"] = async (...args) => {
    const reply = await lab.link.run(...args);
    if (losses-- > 0) throw new ValkeyUnavailable("reset");
    return reply;
  };
  const one = member(queue, Object.assign(Object.create(lab.link) as Link, { run }));
  const [a, b] = await joinAndClaim(one, queue, "w", "a", "b");
  one.claims.settle(a!, DONE);
  one.claims.settle(b!, DONE);
  await one.claims.whenSettled();
  expect(losses).toBeLessThan(0);
  expect((await queue.ended()).delivered).toBe(2);
  expect(await queue.places()).toEqual({});
});

test("parking is reported once per group", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [a, b, c] = await joinAndClaim(one, queue, "w", "a", "b", "c");
  for (const [delivery, claim] of [
    [named("d1"), a!],
    [named("d2"), b!],
  ] as const) {
    one.claims.settle(claim, { verb: "park", delivery, header: deliveryHeader(delivery) });
  }
  await one.claims.whenSettled();
  one.claims.settle(c!, DONE);
  await one.claims.whenSettled();
  expect(one.parkedGroups).toBe(1);
});

test("a settlement survives an outage and is made once", async () => {
  const queue = lab.queue();
  const link = new Link({ url: valkey.url, name: "own", deadlineMs: 100 }).open();
  await link.whenUp();
  const one = member(queue, link);
  const claims = await joinAndClaim(one, queue, "w", "a", "b");
  valkey.signal("SIGSTOP");
  // Under way in the outage: Valkey will run it when it goes on, and its reply is lost.
  one.claims.settle(claims[0]!, {
    verb: "retry",
    delivery: named("d1"),
    delayMs: 60_000,
    header: deliveryHeader("d1"),
  });
  await eventually(() => !link.isUp);
  one.claims.settle(claims[1]!, DONE);
  expect(one.settled).toEqual([]);
  valkey.signal("SIGCONT");
  await one.claims.whenSettled();

  expect(one.settled.flat()).toEqual(claims);
  expect(await queue.places()).toEqual({ schedule: ["a"] });
  expect(await queue.ended()).toEqual({ delivered: 1 });
  link.close();
});

test("an element that only memory holds is not settled again if the reply is lost", async () => {
  const queue = lab.queue();
  const link = new Link({ url: valkey.url, name: "own", deadlineMs: 100 }).open();
  await link.whenUp();
  const one = member(queue, link);
  const claim = {
    worker: null,
    number: "",
    crashes: 0,
    header: { claim: "c", at: 0 },
    source: "list" as const,
    shared: false,
    bytes: Buffer.from("a"),
  };
  valkey.signal("SIGSTOP");
  one.claims.settle(claim, { verb: "back", header: null });
  await one.claims.whenSettled();
  expect(one.settled).toEqual([[claim]]);
  valkey.signal("SIGCONT");
  await eventually(async () => expect(await queue.list()).toEqual(["a"]));
  await link.whenUp();
  expect(await queue.list()).toEqual(["a"]);
  link.close();
});

test("a settlement that Valkey refuses is logged and retried until it succeeds", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [claim] = await joinAndClaim(one, queue, "w", "a");
  await lab.redis.set(queue.store.keys.schedule, "no sorted set");
  one.claims.settle(claim!, {
    verb: "retry",
    delivery: named("d1"),
    delayMs: 0,
    header: deliveryHeader("d1"),
  });
  await eventually(() => one.log.of("settle.failed").length > 0);
  await lab.redis.del(queue.store.keys.schedule);
  await one.claims.whenSettled();
  expect(await queue.places()).toEqual({ schedule: ["a"] });
});

test("a settlement that Valkey refuses delays no other, in its group or after it", async () => {
  const queue = lab.queue();
  const one = member(queue, lab.link);
  const [a, b, c] = await joinAndClaim(one, queue, "w", "a", "b", "c");
  await lab.redis.set(queue.store.keys.schedule, "no sorted set");
  const retry: Settlement = {
    verb: "retry",
    delivery: named("d1"),
    delayMs: 0,
    header: deliveryHeader("d1"),
  };
  one.claims.settle(a!, retry);
  one.claims.settle(b!, DONE);
  await eventually(() => one.log.of("settle.failed").length > 0);
  one.claims.settle(c!, DONE);
  await eventually(() => expect(one.settled.flat()).toEqual([b!, c!]));
  expect([...one.claims.held.values()]).toEqual([a!]);
  expect(String(one.log.of("settle.failed")[0]?.err)).toContain(queue.store.keys.schedule);

  await lab.redis.del(queue.store.keys.schedule);
  await one.claims.whenSettled();
  expect(one.settled.flat()).toEqual([b!, c!, a!]);
  expect(await queue.places()).toEqual({ schedule: ["a"] });
});
