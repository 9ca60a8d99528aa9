// Guarantee 1 as a property: after any sequence of actions of several workers, everything that was pushed
// is in exactly one place, or its end was counted.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Settlement } from "../../../src/valkey/queue/settlement.ts";
import type { Claimed } from "../../../src/valkey/queue/claimed.ts";
import { isDelivery } from "../../../src/valkey/queue/item.ts";
import { ParkedStore } from "../../../src/valkey/queue/parked-store.ts";
import { seededRandom } from "../../wire/seeded-random.ts";
import { deliveryHeader, named, QueueLab, type TestQueue } from "./test-queue.ts";

const STEPS = 300;
const LEASE_MS = 10_000;
const CAPS = { maxDeliveries: 12, maxBytes: 3_000, ttlMs: 3_600_000 };
const LANES = ["wh_1", "wh_2"];

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

/** A simulated worker. After a takeover it continues under a new id, with its old claims. */
interface Player {
  id: string;
  number: number;
  claims: Claimed[];
}

class Play {
  readonly players: Player[] = [];
  /** The elements and deliveries, by name, that were pushed or fanned out and have not ended. */
  readonly live = new Set<string>();
  readonly ended: Record<string, number> = {};
  readonly parked: ParkedStore;
  private made = 0;
  private last: { worker: string; number: string; settlement: Settlement } | null = null;

  constructor(
    readonly queue: TestQueue,
    readonly random: () => number,
  ) {
    this.parked = new ParkedStore(lab.link, queue.store.queue);
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }

  async join(): Promise<void> {
    const player = { id: `w${++this.made}`, number: 0, claims: [] };
    await this.queue.join(player.id);
    this.players.push(player);
  }

  async step(): Promise<void> {
    const player = this.pick(this.players);
    const roll = this.random();
    if (roll < 0.2) await this.push();
    else if (roll < 0.45) await this.claim(player, this.random() < 0.3);
    else if (roll < 0.85) await this.settle(player);
    else if (roll < 0.9) await this.settleAgain();
    else if (roll < 0.93) await this.lose(player);
    else if (roll < 0.96) await this.die(player, this.random() < 0.3);
    else await this.sweep();
  }

  private async push(): Promise<void> {
    const names = Array.from({ length: this.pick([1, 2, 5]) }, () => `e${++this.made}`);
    for (const name of names) this.live.add(name);
    if (this.random() < 0.5) await this.queue.store.push(names, null, names);
    else await this.queue.push(...names);
  }

  /** After a lost reply it repeats the request under the same number, perhaps with other limits. */
  async claim(player: Player, replyIsLost: boolean, most = this.pick([1, 3, 8])): Promise<number> {
    const reply = await this.queue.ask(player.id, {
      number: player.number + 1,
      maxItems: most,
      maxBytes: this.pick([1, 200, 100_000]),
      lanes: LANES.map((webhookId) => ({ webhookId, maxItems: this.pick([0, 2]) })),
    });
    if (reply.kind !== "batch") throw new Error(`a worker that has joined was told ${reply.kind}`);
    if (replyIsLost) return 0;
    if (reply.items.length > 0 || reply.again) player.number += 1;
    player.claims.push(...reply.items);
    return reply.items.length;
  }

  private async settle(player: Player): Promise<void> {
    const at = Math.floor(this.random() * player.claims.length);
    const [claim] = player.claims.splice(at, 1);
    if (!claim) return;
    await this.settleAs(claim, this.settlement(claim));
  }

  async settleAs(claim: Claimed, settlement: Settlement): Promise<void> {
    const worker = claim.worker as string;
    this.last = { worker, number: claim.number, settlement };
    if (!(await this.queue.settle(claim, settlement))) return;
    if (settlement.verb === "park") this.end("parked");
    if (settlement.verb === "done") this.end(settlement.ending, thingOf(claim));
    if (settlement.verb === "fan") {
      this.live.delete(thingOf(claim));
      for (const one of settlement.headers) this.live.add(one.delivery);
    }
  }

  /** Settles again as after a lost reply; another worker may hold the claim by now. */
  private async settleAgain(): Promise<void> {
    if (!this.last) return;
    const { worker, number, settlement } = this.last;
    const [held] = await this.queue.store.settle(worker, [{ claim: { number }, settlement }]);
    expect(held).toBeFalse();
  }

  private settlement(claim: Claimed): Settlement {
    const name = isDelivery(claim.header) ? claim.header.delivery : named(`one-${thingOf(claim)}`);
    const choices: Settlement[] = [
      { verb: "done", ending: "delivered" },
      {
        verb: "retry",
        delivery: name,
        delayMs: this.pick([0, 0, 60_000]),
        header: deliveryHeader(name),
      },
      { verb: "park", delivery: name, header: deliveryHeader(name) },
      { verb: "lane", webhookId: this.pick(LANES), header: deliveryHeader(name) },
      { verb: "back", header: deliveryHeader(name) },
    ];
    if (!isDelivery(claim.header)) {
      const headers = ["a", "b", "c"].map((part) => deliveryHeader(`${thingOf(claim)}${part}`));
      choices.push({ verb: "fan", event: claim.header.claim, headers });
      choices.push({ verb: "fan", event: claim.header.claim, headers });
      choices.push({ verb: "back", header: null });
    }
    return this.pick(choices);
  }

  /** Requeues claims that the worker does not know of, as the audit does. */
  private async lose(player: Player): Promise<void> {
    const known = new Set(player.claims.filter(({ worker }) => worker === player.id));
    const numbers = new Set([...known].map((claim) => claim.number));
    const stranded = (await this.queue.store.heldBy(player.id)).filter((one) => !numbers.has(one));
    await this.queue.store.abandonLost(player.id, stranded);
  }

  private async die(player: Player, leaves: boolean): Promise<void> {
    const { store } = this.queue;
    if (leaves) await store.leave(player.id);
    else {
      expect(await store.takeOver(player.id, LEASE_MS)).toBeNull();
      await this.queue.expireLease(player.id);
      expect(await store.takeOver(player.id, LEASE_MS)).not.toBeNull();
    }
    expect(await this.queue.ask(player.id, { number: player.number + 1 })).toEqual({
      kind: "unknown-worker",
    });
    player.id = `w${++this.made}`;
    player.number = 0;
    await this.queue.join(player.id);
  }

  private async sweep(): Promise<void> {
    const before = await this.stored();
    const { expired, fallenOut } = await this.parked.sweep(CAPS);
    const after = new Set(await this.stored());
    const gone = before.filter((name) => !after.has(name));
    expect({ expired, gone: gone.length }).toEqual({ expired: 0, gone: fallenOut });
    for (const name of gone) this.end("dropped", name);
  }

  private end(kind: string, name?: string): void {
    this.ended[kind] = (this.ended[kind] ?? 0) + 1;
    if (name !== undefined) this.live.delete(name);
  }

  async stored(): Promise<string[]> {
    return Object.values(await this.queue.places()).flat();
  }

  async check(): Promise<void> {
    expect((await this.stored()).toSorted()).toEqual([...this.live].toSorted());
    expect(await this.queue.ended()).toEqual(this.ended);
    const { refs, events, schedule, scheduled, parked, parkedItems } = this.queue.store.keys;
    const { redis } = lab;
    const counts = Object.values(await redis.hgetall(refs)).map(Number);
    const shared = [...this.live].filter((name) => /[abc]$/.test(name));
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(shared.length);
    expect(await redis.hlen(events)).toBe(counts.length);
    expect(await redis.zcard(schedule)).toBe(await redis.hlen(scheduled));
    expect(await redis.zcard(parked)).toBe(await redis.hlen(parkedItems));
  }
}

function thingOf({ header: known, bytes }: Claimed): string {
  const shared = isDelivery(known) && /[abc]$/.test(known.delivery);
  return shared ? known.delivery : String(bytes);
}

test.each([1, 2, 3, 4])(
  "no event is lost or doubled by any sequence of worker actions (seed %d)",
  async (seed) => {
    const play = new Play(lab.queue(), seededRandom(seed));
    for (let i = 0; i < 3; i++) await play.join();
    for (let step = 0; step < STEPS; step++) {
      await play.step();
      if (step % 10 === 0) await play.check();
    }
    await play.check();

    // At the end everything has ended, and only the counts remain.
    const { keys } = play.queue.store;
    for (const player of play.players) await play.queue.store.leave(player.id);
    await play.join();
    const last = play.players.at(-1)!;
    const waiting = await lab.redis.zrange(keys.schedule, 0, -1);
    const parked = await lab.redis.zrange(keys.parked, 0, -1);
    await play.parked.redeliver(
      [...waiting, ...parked].map((delivery) => ({
        delivery: named(delivery),
        header: deliveryHeader(delivery),
      })),
    );
    const lanes = LANES.map((webhookId) => ({ webhookId, maxItems: 1_000 }));
    for (;;) {
      const items = await play.queue.claim(last.id, { maxItems: 1_000, lanes });
      for (const claim of items) {
        await play.settleAs(claim, { verb: "done", ending: "delivered" });
      }
      if (items.length === 0) break;
    }
    await play.check();
    expect(play.live.size).toBe(0);
    await play.queue.store.leave(last.id);
    expect(await play.queue.keysLike(":*")).toEqual([keys.stats]);
  },
);
