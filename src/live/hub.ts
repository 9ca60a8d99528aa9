// Serves `GET /v1/stream`: who looks at what, how many may, and when it ends. While nobody looks it does
// nothing: no connection, no key, no timer.
import { Subscriber } from "../valkey/connection/subscriber.ts";
import type { LiveStore } from "../valkey/history/live-store.ts";
import type { LogStore } from "../valkey/history/log-store.ts";
import type { WorkerLog } from "../log.ts";
import { MAX_LIVE_PER_SECOND } from "../wire/live.ts";
import { ownerRef, type OwnerRef } from "../wire/owner.ts";
import { OwnerFeed } from "./owner-feed.ts";
import { eventText, OPENING, type LiveFilter } from "./server-sent.ts";
import { SharedFeed } from "./shared-feed.ts";
import { broadcast, Viewer } from "./viewer.ts";

export interface HubOptions {
  /** Where Valkey is. */
  url: string;
  channels: { live: string; alerts: string };
  store: Pick<LiveStore, "renew">;
  logs: Pick<LogStore, "readIfChanged" | "size">;
  /** Called when workers are told to publish, so that this process's own one begins at once. */
  onWatched: () => void;
  /** Called with how many events a viewer was too slow for. */
  onDropped?: (events: number) => void;
  log: Pick<WorkerLog, "warn">;
  limits?: { viewers: number; ofOwners: number; ofOneOwner: number };
}

export interface Viewing {
  /** Null: the attempts of all owners. */
  owner: OwnerRef | null;
  filter: LiveFilter;
  /** `Last-Event-ID`: the attempt that the viewer saw last. */
  after: string | undefined;
  /** The service ends the stream after this. */
  forMs: number;
  isAllowed: () => boolean | Promise<boolean>;
}

export type Viewed =
  | { kind: "open"; viewer: Viewer }
  | { kind: "full"; whose: "owner" | "all" }
  | { kind: "stopping" };

/** Owners together leave room for the operator. */
const LIMITS = { viewers: 200, ofOwners: 180, ofOneOwner: 20 };

const SECOND_MS = 1_000;
const RENEW_EVERY_S = 2;
const COMMENT_EVERY_S = 5;
/** A viewer that comes back within this time misses nothing. */
const LINGER_S = 5;

export class Hub {
  private readonly shared = new SharedFeed();
  private readonly owners = new Map<OwnerRef, OwnerFeed>();
  private subscriber: Subscriber | null = null;
  private timer: Timer | null = null;
  private seconds = 0;
  private idleSeconds = 0;
  private isChecking = false;
  private isStopping = false;
  private awaySince: Date | null = null;

  constructor(private readonly options: HubOptions) {}

  get viewers(): number {
    let ofOwners = 0;
    for (const { viewers } of this.owners.values()) ofOwners += viewers.size;
    return this.shared.viewers.size + ofOwners;
  }

  /** @throws ValkeyUnavailable */
  async open(viewing: Viewing): Promise<Viewed> {
    if (this.isStopping) return { kind: "stopping" };
    const { owner } = viewing;
    const full = this.fullFor(owner);
    if (full) return { kind: "full", whose: full };
    const feed = owner === null ? this.shared : this.feedOf(owner);
    const viewer = new Viewer({
      filter: viewing.filter,
      isAllowed: viewing.isAllowed,
      endsAtMs: performance.now() + viewing.forMs,
      onEnd: () => this.remove(viewer, owner),
      onDropped: this.options.onDropped,
    });
    // Before anything is awaited: what is being opened counts too.
    feed.viewers.add(viewer);
    this.start();
    viewer.sendText(OPENING + helloText(owner));
    try {
      if (feed instanceof OwnerFeed) await feed.look();
      else await this.announce();
    } catch (error) {
      viewer.finish();
      throw error;
    }
    if (feed instanceof OwnerFeed) feed.start();
    if (viewing.after !== undefined) viewer.sendText(feed.missedSince(viewing.after, viewer));
    viewer.isReady = true;
    if (this.awaySince) viewer.sendText(this.valkeyText());
    if (viewing.forMs === 0) viewer.end("time");
    return { kind: "open", viewer };
  }

  /** Ends every stream; the viewers find another replica, or this one when it is back. */
  stop(): void {
    this.isStopping = true;
    for (const viewer of this.everyone()) viewer.end("stopping");
    this.rest();
  }

  private fullFor(owner: OwnerRef | null): "owner" | "all" | null {
    const limits = this.options.limits ?? LIMITS;
    const all = this.viewers;
    if (all >= limits.viewers) return "all";
    if (owner === null) return null;
    if ((this.owners.get(owner)?.viewers.size ?? 0) >= limits.ofOneOwner) return "owner";
    return all - this.shared.viewers.size >= limits.ofOwners ? "all" : null;
  }

  private feedOf(owner: OwnerRef): OwnerFeed {
    const known = this.owners.get(owner);
    if (known) return known;
    const { logs, log } = this.options;
    // Valkey's absence is told by the subscriber. What is left is a key of another type, until it is removed.
    const feed = new OwnerFeed(owner, {
      logs,
      onError: (error) => this.awaySince ?? log.warn({ err: error }, "stream.failed"),
    });
    this.owners.set(owner, feed);
    return feed;
  }

  private remove(viewer: Viewer, owner: OwnerRef | null): void {
    if (owner === null) {
      this.shared.viewers.delete(viewer);
      return;
    }
    const feed = this.owners.get(owner);
    if (!feed?.viewers.delete(viewer) || feed.viewers.size > 0) return;
    feed.close();
    this.owners.delete(owner);
  }

  private start(): void {
    this.idleSeconds = 0;
    if (this.timer) return;
    this.timer = setInterval(() => this.tick(), SECOND_MS);
    const { url, channels, log } = this.options;
    this.subscriber = new Subscriber({
      url,
      name: "fluxhook-stream",
      channels: [channels.live, channels.alerts],
      onMessage: (channel, text) => {
        if (channel === channels.live) this.shared.receive(text);
        else this.alert(text);
      },
      onSubscribed: () => this.whenBack(),
      onLost: () => this.whenAway(),
      onError: (error) => log.warn({ err: error }, "stream.failed"),
    }).open();
    this.subscriber.startPings();
  }

  /** Nobody looks any more. */
  private rest(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    this.subscriber?.close();
    this.subscriber = null;
    this.awaySince = null;
    this.shared.forget();
  }

  private tick(): void {
    this.seconds += 1;
    // The counts are those of a second also where only owners look: the channel has everybody's.
    this.shared.endSecond(new Date());
    if (this.viewers === 0) {
      this.idleSeconds += 1;
      if (this.idleSeconds >= LINGER_S) this.rest();
      return;
    }
    const nowMs = performance.now();
    for (const viewer of this.everyone()) {
      // It has not been told yet what it missed.
      const reason = viewer.isReady ? viewer.reasonToEnd(nowMs) : null;
      if (reason) viewer.end(reason);
      else if (this.seconds % COMMENT_EVERY_S === 0) viewer.keepAlive();
    }
    const isWatched = this.shared.viewers.size > 0;
    if (isWatched && this.seconds % RENEW_EVERY_S === 0) this.announce().catch(noAnswer);
    void this.checkTokens();
  }

  private async announce(): Promise<void> {
    await this.options.store.renew();
    this.options.onWatched();
  }

  /** A token that has expired, or that somebody has revoked, shows nothing more. */
  private async checkTokens(): Promise<void> {
    if (this.isChecking) return;
    this.isChecking = true;
    for (const viewer of this.everyone()) {
      // A check that fails (Valkey may be away) says nothing about the token.
      const isAllowed = await Promise.try(viewer.options.isAllowed).catch(() => true);
      if (!isAllowed) viewer.end("token");
    }
    this.isChecking = false;
  }

  private alert(text: string): void {
    const alert = alertIn(text);
    if (alert === null) return;
    const { user_id, org_id } = alert;
    const viewers = [...this.shared.viewers];
    const owners: OwnerRef[] = [];
    if (typeof user_id === "string") owners.push(ownerRef("user", user_id));
    if (typeof org_id === "string") owners.push(ownerRef("org", org_id));
    for (const owner of owners) viewers.push(...(this.owners.get(owner)?.viewers ?? []));
    broadcast(
      viewers,
      [alert],
      ({ webhook_id }, { webhookId }) => webhookId === undefined || webhook_id === webhookId,
      (alerts) => alerts.map((one) => eventText("alert", one)).join(""),
    );
  }

  private whenAway(): void {
    this.awaySince ??= new Date();
    for (const viewer of this.everyone()) viewer.sendText(this.valkeyText());
  }

  private whenBack(): void {
    if (this.shared.viewers.size > 0) this.announce().catch(noAnswer);
    if (this.awaySince === null) return;
    this.awaySince = null;
    for (const viewer of this.everyone()) viewer.sendText(this.valkeyText());
  }

  private valkeyText(): string {
    const since = this.awaySince?.toISOString() ?? null;
    return eventText("valkey", { state: since === null ? "up" : "away", since });
  }

  /** A copy: a viewer that ends leaves its set. */
  private everyone(): Viewer[] {
    const ofOwners = [...this.owners.values()].flatMap(({ viewers }) => [...viewers]);
    return [...this.shared.viewers, ...ofOwners];
  }
}

function helloText(owner: OwnerRef | null): string {
  return eventText("hello", {
    source: owner === null ? "all" : "owner",
    max_per_second: owner === null ? MAX_LIVE_PER_SECOND : null,
  });
}

/** The next second tries again. */
function noAnswer(): void {}

function alertIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
