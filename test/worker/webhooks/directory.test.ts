import { expect, test } from "bun:test";
import type { OwnerRef } from "../../../src/wire/owner.ts";
import { Directory, type WebhookSource } from "../../../src/worker/webhooks/directory.ts";

const OWNER: OwnerRef = "user:u_1";
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Like the cache: what was read is at hand before those who asked for it hear of it. */
class Shelf implements WebhookSource {
  reads: PromiseWithResolvers<void>[] = [];
  private atHand: [] | null = null;

  peek(): [] | null {
    return this.atHand;
  }

  async get(): Promise<[]> {
    const read = Promise.withResolvers<void>();
    this.reads.push(read);
    await read.promise;
    this.atHand = [];
    // The cache has layers too.
    for (let layer = 0; layer < 5; layer++) await Promise.resolve();
    return this.atHand;
  }
}

/** Asks as the fan-out does, with a layer in between, and says when it goes on. */
function asker(directory: Directory) {
  const wentOn: number[] = [];
  const read = async (owner: OwnerRef) => directory.get(owner);
  const ask = async (n: number, owner = OWNER) => {
    const webhooks = directory.peek(owner) ?? (await read(owner));
    if (webhooks) wentOn.push(n);
  };
  return { wentOn, ask };
}

test("an event that comes just after the webhooks were read does not overtake those that waited for them", async () => {
  const shelf = new Shelf();
  const { wentOn, ask } = asker(new Directory(shelf));
  const waiting = [ask(1), ask(2), ask(3)];
  shelf.reads[0]?.resolve();
  while (shelf.peek() === null) await Promise.resolve();
  waiting.push(ask(4), ask(5));
  await Promise.all(waiting);

  expect(wentOn).toEqual([1, 2, 3, 4, 5]);
  expect(shelf.reads).toHaveLength(1);
});

test("an event that comes while the waiting ones are woken does not overtake them", async () => {
  const shelf = new Shelf();
  const ordered = new Directory(shelf);
  const { wentOn, ask } = asker(ordered);
  const late = ordered.get(OWNER).then(() => ask(3));
  const waiting = [ask(1), ask(2)];
  shelf.reads[0]?.resolve();
  await Promise.all([...waiting, late]);
  expect(wentOn).toEqual([1, 2, 3]);
});

test("cached webhooks are used at once when nobody waits any more", async () => {
  const shelf = new Shelf();
  const ordered = new Directory(shelf);
  const { ask } = asker(ordered);
  const first = ask(1);
  expect(ordered.peek(OWNER)).toBeNull();
  shelf.reads[0]?.resolve();
  await first;
  await nextTurn();
  expect(ordered.peek(OWNER)).toEqual([]);
});

test("owners do not wait for each other", async () => {
  const shelf = new Shelf();
  const { wentOn, ask } = asker(new Directory(shelf));
  void ask(1);
  const other = ask(2, "user:u_2");
  shelf.reads[1]?.resolve();
  await other;
  expect(wentOn).toEqual([2]);
});

test("a failed read of webhooks is not cached", async () => {
  const shelf = new Shelf();
  const ordered = new Directory(shelf);
  const failing = [ordered.get(OWNER), ordered.get(OWNER)];
  shelf.reads[0]?.reject(new Error("Valkey is away"));
  const outcomes = await Promise.allSettled(failing);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);

  const again = ordered.get(OWNER);
  shelf.reads[1]?.resolve();
  expect(await again).toEqual([]);
});
