import { expect, test } from "bun:test";
import { sharedKeys } from "../../../src/valkey/keys.ts";
import { Link } from "../../../src/valkey/connection/link.ts";
import { RejectedStore } from "../../../src/valkey/queue/rejected-store.ts";
import type { Rejection } from "../../../src/wire/event.ts";
import { Rejecter } from "../../../src/worker/settle/reject.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { type TestQueue } from "../../valkey/queue/test-queue.ts";
import { useOwnLab } from "../../valkey/queue/use-lab.ts";
import { joinAndClaim, member, type TestMember } from "../test-member.ts";

const REJECTION: Rejection = { reason: "not-json", field: null, message: "it is not JSON" };

const { valkey, lab } = useOwnLab();

interface Scene {
  queue: TestQueue;
  one: TestMember;
  store: RejectedStore;
  rejecter: Rejecter;
  listKey: string;
}

function open(link: Link, most = 100): Scene {
  const keys = sharedKeys(freshPrefix());
  const queue = lab.queue();
  const one = member(queue, link);
  const store = new RejectedStore(link, keys, { max: most, ttlMs: 60_000 });
  const rejecter = new Rejecter({
    store,
    log: one.log,
    link,
    alerter: { raise: () => {} },
  });
  return { queue, one, store, rejecter, listKey: keys.rejected };
}

const rawOf = async (store: RejectedStore) =>
  (await store.list(null, 1_000)).rejected.map((one) => (one as { raw: string }).raw);

test("a rejected element is kept with its bytes and the reason, and then its claim ends", async () => {
  const { queue, one, store, rejecter } = open(lab.link);
  const [claim] = await joinAndClaim(one, queue, "w", "no JSON");
  rejecter.add(one.claims, claim!, REJECTION);
  await rejecter.whenIdle();
  await one.claims.whenSettled();
  expect((await store.list(null, 10)).rejected).toEqual([
    {
      id: expect.any(String),
      reason: "not-json",
      field: null,
      message: "it is not JSON",
      queue: queue.store.queue,
      size: 7,
      rejected_at: expect.stringMatching(/Z$/),
      raw: "no JSON",
    },
  ]);
  expect(await queue.places()).toEqual({});
  expect(await queue.ended()).toEqual({ rejected: 1 });
  expect(one.log.of("element.rejected")).toEqual([
    { elements: 1, reason: "not-json", field: null, found: "it is not JSON" },
  ]);
});

test("many rejected elements are kept in order, and those dropped by the cap are logged", async () => {
  const { queue, one, store, rejecter } = open(lab.link, 200);
  const elements = Array.from({ length: 250 }, (_, i) => `e${i}`);
  for (const claim of await joinAndClaim(one, queue, "w", ...elements)) {
    rejecter.add(one.claims, claim, REJECTION);
  }
  await rejecter.whenIdle();
  await one.claims.whenSettled();
  expect(await rawOf(store)).toEqual(elements.toReversed().slice(0, 200));
  const fallenOut = one.log.of("rejected.fell_out").map(({ elements: n }) => Number(n));
  expect(fallenOut.reduce((sum, n) => sum + n, 0)).toBe(50);
  expect(await queue.ended()).toEqual({ rejected: 250 });
});

test("large rejected elements are kept in groups of up to 512 KiB", async () => {
  const { queue, one, store, rejecter } = open(lab.link);
  const sizes: number[] = [];
  const write = store.write.bind(store);
  store.write = (group, at) => {
    sizes.push(group.reduce((sum, { bytes }) => sum + bytes.length, 0));
    return write(group, at);
  };
  const elements = [200_000, 200_000, 200_000, 900_000].map((size) => "x".repeat(size));
  const claims = await joinAndClaim(one, queue, "w", ...elements);
  for (const claim of claims) rejecter.add(one.claims, claim, REJECTION);
  await rejecter.whenIdle();
  await one.claims.whenSettled();
  expect(sizes).toEqual([400_000, 200_000, 900_000]);
});

test("no claim ends before its rejected element is kept", async () => {
  const { queue, one, store, rejecter, listKey } = open(lab.link);
  await lab.redis.set(listKey, "no list");
  const [claim] = await joinAndClaim(one, queue, "w", "no JSON");
  rejecter.add(one.claims, claim!, REJECTION);
  await eventually(() => one.log.of("rejected.failed").length > 0);
  expect(await queue.places()).toEqual({ claims: ["no JSON"] });

  await lab.redis.del(listKey);
  await rejecter.whenIdle();
  await one.claims.whenSettled();
  expect(await rawOf(store)).toEqual(["no JSON"]);
  expect(await queue.places()).toEqual({});
});

test("an outage delays a rejection and loses nothing", async () => {
  const link = new Link({ url: valkey.url, name: "own", deadlineMs: 100 }).open();
  await link.whenUp();
  const { queue, one, store, rejecter } = open(link);
  const [claim] = await joinAndClaim(one, queue, "w", "no JSON");
  valkey.signal("SIGKILL");
  await valkey.exited;
  rejecter.add(one.claims, claim!, REJECTION);
  await eventually(() => !link.isUp);
  await valkey.restart();
  await lab.link.whenUp();
  await rejecter.whenIdle();
  await one.claims.whenSettled();
  expect(await rawOf(store)).toEqual(["no JSON"]);
  expect(await queue.places()).toEqual({});
  link.close();
});

test("a rejected element that cannot be kept goes onto the schedule and does not block others", async () => {
  const { queue, one, rejecter, listKey } = open(lab.link);
  await lab.redis.set(listKey, "no list");
  for (const claim of await joinAndClaim(one, queue, "w", "a", "b")) {
    rejecter.add(one.claims, claim, REJECTION);
  }
  await rejecter.whenIdle();
  await one.claims.whenSettled();
  expect((await queue.places()).schedule?.toSorted()).toEqual(["a", "b"]);
  expect(one.claims.held.size).toBe(0);
  expect(String(one.log.of("rejected.failed")[0]?.err)).toContain(
    `the key ${listKey} is a string, not a list`,
  );
});
