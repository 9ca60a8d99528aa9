// A worker's bounded cache of registered webhooks. It also caches that an owner has none. It follows the stream of
// changes, so that a change takes effect within one second. If it may have missed a change (a new connection, a gap
// in the stream), it drops everything.
import { BoundedMap } from "../../bounded-map.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import type { SharedKeys } from "../keys.ts";
import { Link } from "../connection/link.ts";
import { ValkeyUnavailable } from "../connection/errors.ts";
import type { WebhookStore } from "./webhook-store.ts";

export interface WebhookCacheOptions<Compiled> {
  url: string;
  name: string;
  keys: SharedKeys;
  store: WebhookStore;
  /** Called once per webhook and change, not once per delivery. */
  compile: (record: WebhookRecord) => Compiled | Promise<Compiled>;
  maxOwners?: number;
  /** Called if the changes cannot be followed, and the reason is not an outage. */
  onError?: (error: unknown) => void;
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
const MAX_CHANGES_READ = 1_000;
const BLOCK_MS = 4_000;
/** Longer than the block: a frozen server does not answer at all. */
const FOLLOW_DEADLINE_MS = 5_500;
/** A change whose process died before it announced it takes effect after this. */
const MAX_AGE_MS = 30_000;

export class WebhookCache<Compiled> {
  private readonly entries: BoundedMap<OwnerRef, Entry<Compiled>>;
  private readonly reading = new Map<OwnerRef, Reading<Compiled>>();
  private readonly link: Link;
  private closed = false;
  /** True from when every change is seen until the connection is lost. */
  private isFollowing = false;
  private following: Promise<void> = Promise.resolve();

  constructor(private readonly options: WebhookCacheOptions<Compiled>) {
    this.entries = new BoundedMap(options.maxOwners ?? MAX_OWNERS);
    this.link = new Link({
      url: options.url,
      name: options.name,
      deadlineMs: FOLLOW_DEADLINE_MS,
      onDown: () => {
        this.isFollowing = false;
        this.empty();
      },
    });
  }

  open(): this {
    this.link.open();
    this.following = this.follow();
    return this;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.link.close();
    await this.following;
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

  private async follow(): Promise<void> {
    const { changes } = this.options.keys;
    while (!this.closed) {
      await this.link.whenUp();
      const connection = this.link.connections;
      try {
        // First the end of the stream, then empty the cache: later reads are at least as new as that.
        let after = await this.newest(changes);
        this.empty();
        this.isFollowing = connection === this.link.connections && this.link.isUp;
        while (!this.closed && connection === this.link.connections) {
          const reply = await this.link.run((client) =>
            client.xread("COUNT", MAX_CHANGES_READ, "BLOCK", BLOCK_MS, "STREAMS", changes, after),
          );
          const entries = reply?.[0]?.[1] ?? [];
          if (entries.length >= MAX_CHANGES_READ) {
            // It is so far behind that the stream may have been trimmed in between.
            after = await this.newest(changes);
            this.empty();
            continue;
          }
          for (const [id, fields] of entries) {
            after = id;
            this.drop(fields[1] as OwnerRef);
          }
        }
      } catch (error) {
        // After an outage the link reconnects by itself, and `onDown` has emptied the cache.
        if (!(error instanceof ValkeyUnavailable)) this.options.onError?.(error);
        this.link.reset("following the changes failed");
      }
    }
  }

  private async newest(changes: string): Promise<string> {
    const [newest] = await this.link.run((client) =>
      client.xrevrange(changes, "+", "-", "COUNT", 1),
    );
    return newest?.[0] ?? "0-0";
  }
}
