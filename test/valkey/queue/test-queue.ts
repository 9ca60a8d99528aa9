// A separate queue on the shared Valkey for each test, with the actions that tests of scripts repeat:
// push, claim under the next number, and list the contents of every place.
import type { DeliveryName } from "../../../src/wire/ids.ts";
import type { Redis } from "iovalkey";
import type { DeliveryHeader } from "../../../src/valkey/queue/item.ts";
import { readItem } from "../../../src/valkey/queue/item.ts";
import { Link } from "../../../src/valkey/connection/link.ts";
import { type Settlement } from "../../../src/valkey/queue/settlement.ts";
import type { Claimed } from "../../../src/valkey/queue/claimed.ts";
import type { ClaimReply } from "../../../src/valkey/queue/claim-reply.ts";
import { QueueStore, type ClaimRequest } from "../../../src/valkey/queue/queue-store.ts";
import { freshPrefix, sharedValkey, testRedis } from "../../support/valkey.ts";

export type Batch = Extract<ClaimReply, { kind: "batch" }>;

/** One link and one client for all queues of a test file. */
export class QueueLab {
  private constructor(
    readonly link: Link,
    readonly redis: Redis,
  ) {}

  static async open(url?: string): Promise<QueueLab> {
    const valkeyUrl = url ?? (await sharedValkey()).url;
    const link = new Link({ url: valkeyUrl, name: "test", deadlineMs: 5_000 }).open();
    await link.whenUp();
    return new QueueLab(link, await testRedis(valkeyUrl));
  }

  queue(name = `${freshPrefix()}:events`): TestQueue {
    return new TestQueue(new QueueStore(this.link, name), this.redis);
  }

  close(): void {
    this.link.close();
    this.redis.disconnect();
  }
}

export const CUT = { over: 1_000_000, to: 1_000 };

export class TestQueue {
  private readonly batches = new Map<string, number>();

  constructor(
    readonly store: QueueStore,
    readonly redis: Redis,
  ) {}

  async join(...workers: string[]): Promise<void> {
    for (const worker of workers) await this.store.beat(worker, { join: true, leaseMs: 60_000 });
  }

  /** Pushes elements as a producer does. */
  async push(...elements: (string | Buffer)[]): Promise<void> {
    for (const element of elements) await this.redis.lpush(this.store.queue, element);
  }

  /** Claims under the worker's next number, unless `request` has one. */
  ask(worker: string, request: Partial<ClaimRequest> = {}): Promise<ClaimReply> {
    return this.store.claim({
      worker,
      number: (this.batches.get(worker) ?? 0) + 1,
      maxItems: 100,
      maxBytes: 1_000_000,
      maxFromList: 1_000,
      reportLimit: 10,
      cut: CUT,
      lanes: [],
      ...request,
    });
  }

  async claimBatch(worker: string, request: Partial<ClaimRequest> = {}): Promise<Batch> {
    const reply = await this.ask(worker, request);
    if (reply.kind !== "batch") throw new Error(`the claim was answered ${reply.kind}`);
    const number = request.number ?? (this.batches.get(worker) ?? 0) + 1;
    if (reply.items.length > 0) this.batches.set(worker, number);
    return reply;
  }

  async claim(worker: string, request: Partial<ClaimRequest> = {}): Promise<Claimed[]> {
    return (await this.claimBatch(worker, request)).items;
  }

  /** Claims exactly one item. */
  async claimOne(worker: string): Promise<Claimed> {
    const [claim] = await this.claim(worker, { maxItems: 1 });
    if (!claim) throw new Error("there was nothing to claim");
    return claim;
  }

  /** Settles a claim; returns whether it was still held. */
  async settle(claim: Claimed, settlement: Settlement): Promise<boolean> {
    const [held] = await this.store.settle(claim.worker, [{ claim, settlement }]);
    return held === true;
  }

  /** Lets a worker's lease run out, as if its last heartbeat was `byMs` ago. */
  async expireLease(worker: string, byMs = 60_000): Promise<void> {
    const [seconds] = await this.redis.time();
    await this.redis.zadd(this.store.keys.workers, Number(seconds) * 1000 - byMs, worker);
  }

  /** Returns the list, the oldest element first. */
  async list(): Promise<string[]> {
    return (await this.redis.lrange(this.store.queue, 0, -1)).toReversed();
  }

  /** Returns everything that is stored, by place, without empty places. */
  async places(): Promise<Record<string, string[]>> {
    const { keys } = this.store;
    const places: Record<string, string[]> = {
      list: await this.list(),
      next: (await this.redis.lrange(keys.next, 0, -1)).toReversed(),
    };
    const note = (place: string, items: readonly Buffer[]) => {
      places[place] = [...(places[place] ?? []), ...items.map(nameOf)];
    };
    note("ready", (await this.redis.lrangeBuffer(keys.ready, 0, -1)).toReversed());
    note("schedule", Object.values(await this.redis.hgetallBuffer(keys.scheduled)));
    note("parked", Object.values(await this.redis.hgetallBuffer(keys.parkedItems)));
    for (const key of await this.keysLike(":claims:*")) {
      note("claims", Object.values(await this.redis.hgetallBuffer(key)));
    }
    for (const key of await this.keysLike(":lane:*")) {
      note("lane", (await this.redis.lrangeBuffer(key, 0, -1)).toReversed());
    }
    return Object.fromEntries(Object.entries(places).filter(([, items]) => items.length > 0));
  }

  /** Changes the times of parking in every sorted set. */
  async parkedAt(...times: readonly [ms: number, delivery: string][]): Promise<void> {
    const scores = times.flat();
    for (const key of [this.store.keys.parked, ...(await this.keysLike(":parked-of:*"))]) {
      await this.redis.zadd(key, "XX", ...scores);
    }
  }

  /** Returns how many have ended, by kind. */
  async ended(): Promise<Record<string, number>> {
    const {
      parked_bytes: _,
      taken: __,
      ...kinds
    } = await this.redis.hgetall(this.store.keys.stats);
    // A count that was taken back stays as 0.
    const counts = Object.entries(kinds).map(([kind, n]) => [kind, Number(n)] as const);
    return Object.fromEntries(counts.filter(([, n]) => n !== 0));
  }

  /** Returns every key of the queue with its value, to check that nothing has changed. */
  async dump(): Promise<Record<string, string>> {
    const dump: Record<string, string> = {};
    for (const key of [this.store.queue, ...(await this.keysLike(":*"))].toSorted()) {
      dump[key] = (await this.redis.dumpBuffer(key))?.toString("base64") ?? "none";
    }
    return dump;
  }

  async keysLike(pattern: string): Promise<string[]> {
    return this.redis.keys(`${this.store.keys.base}${pattern}`);
  }
}

/** Returns the element's text, or the delivery's name if it shares its bytes with others. */
function nameOf(item: Buffer): string {
  const { shared, header, bytes } = readItem(item);
  return shared && "delivery" in header ? header.delivery : bytes.toString("latin1");
}

/** A short name for a delivery; those of the product have 28 hex digits. */
export function named(delivery: string): DeliveryName {
  return delivery as DeliveryName;
}

export function deliveryHeader(
  delivery: string,
  fields: Partial<DeliveryHeader> = {},
): DeliveryHeader {
  return {
    delivery: named(delivery),
    webhook_id: "wh_1",
    owner: "user:u_1",
    id: "evt_1",
    timestamp: "2026-01-02T03:04:05Z",
    attempt: 1,
    runs: 0,
    ...fields,
  };
}

export const header = (delivery: string, fields: Partial<DeliveryHeader> = {}): string =>
  JSON.stringify(deliveryHeader(delivery, fields));
