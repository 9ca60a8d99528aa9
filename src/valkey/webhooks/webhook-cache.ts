// A worker's bounded cache of registered webhooks. It also caches that an owner has none. It follows the stream of
// changes, so that a change takes effect within one second. If it may have missed a change (a new connection, a gap
// in the stream), it drops everything.
import { BoundedMap } from "../../bounded-map.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import type { ChangeStream } from "../connection/change-stream.ts";
import type { WebhookStore } from "./webhook-store.ts";

export interface WebhookCacheOptions<Compiled> {
  changes: ChangeStream;
  store: WebhookStore;
  /** Called once per webhook and change, not once per delivery. */
  compile: (record: WebhookRecord) => Compiled | Promise<Compiled>;
  maxOwners?: number;
}

interface Entry<Compiled> {
  webhooks: readonly Compiled[];
  readAt: number;
}

interface Reading<Compiled> {
  outdated: boolean;
  webhooks: Promise<readonly Compiled[]>;
}

const MAX_OWNERS = 10_000;
/** A change whose process died before it announced it takes effect after this. */
const MAX_AGE_MS = 30_000;

export class WebhookCache<Compiled> {
  private readonly entries: BoundedMap<OwnerRef, Entry<Compiled>>;
  private readonly reading = new Map<OwnerRef, Reading<Compiled>>();
  /** True from when every change is seen until the connection is lost. */
  private isFollowing = false;

  constructor(private readonly options: WebhookCacheOptions<Compiled>) {
    this.entries = new BoundedMap(options.maxOwners ?? MAX_OWNERS);
    options.changes.subscribe({
      onFollowing: () => {
        this.isFollowing = true;
        this.empty();
      },
      onLost: () => {
        this.isFollowing = false;
        this.empty();
      },
      onChange: ({ kind, id }) => {
        if (kind === "owner") this.drop(id as OwnerRef);
      },
    });
  }

  /** Owners whose webhooks are in memory. */
  get size(): number {
    return this.entries.size;
  }

  /** Returns the owner's webhooks if they are cached. Synchronous, so that the hot path needs no promise. */
  peek(owner: OwnerRef): readonly Compiled[] | null {
    const entry = this.entries.get(owner);
    if (!entry || performance.now() - entry.readAt > MAX_AGE_MS) return null;
    return entry.webhooks;
  }

  /** @throws ValkeyUnavailable */
  async get(owner: OwnerRef): Promise<readonly Compiled[]> {
    const known = this.peek(owner);
    if (known) return known;
    const underWay = this.reading.get(owner);
    if (underWay) return underWay.webhooks;
    const reading: Reading<Compiled> = { outdated: false, webhooks: Promise.resolve([]) };
    this.reading.set(owner, reading);
    reading.webhooks = this.read(owner, reading).finally(() => this.reading.delete(owner));
    return reading.webhooks;
  }

  private async read(owner: OwnerRef, reading: Reading<Compiled>): Promise<readonly Compiled[]> {
    for (;;) {
      reading.outdated = false;
      const readAt = performance.now();
      const records = await this.options.store.list(owner);
      // A change was announced during the read: it may have returned the old state.
      if (reading.outdated) continue;
      const webhooks = await Promise.all(records.map((one) => this.options.compile(one)));
      // Compiling may take a while too.
      if (reading.outdated) continue;
      // While the stream is not followed, the result may be used once, but not cached.
      if (this.isFollowing) this.keep(owner, { webhooks, readAt });
      return webhooks;
    }
  }

  private keep(owner: OwnerRef, entry: Entry<Compiled>): void {
    this.entries.delete(owner);
    this.entries.set(owner, entry);
  }

  private drop(owner: OwnerRef): void {
    this.entries.delete(owner);
    const reading = this.reading.get(owner);
    if (reading) reading.outdated = true;
  }

  private empty(): void {
    this.entries.clear();
    for (const reading of this.reading.values()) reading.outdated = true;
  }
}
