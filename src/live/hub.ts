// Serves `GET /v1/stream`: who looks at what, how many may, and when it ends. While nobody looks it does
// nothing: no connection, no key, no timer.
import { Subscriber } from "../valkey/connection/subscriber.ts";
import type { LiveStore, Watched } from "../valkey/history/live-store.ts";
import type { LogStore } from "../valkey/history/log-store.ts";
import type { WorkerLog } from "../log.ts";
import { MAX_LIVE_PER_SECOND } from "../wire/live.ts";
import { isExecutionsText } from "../wire/live-execution.ts";
import { ownerRef, type OwnerRef } from "../wire/owner.ts";
import { ExecutionFeed } from "./execution-feed.ts";
import { FiguresFeed, type FiguresFeedOptions } from "./figures-feed.ts";
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
  /** Reads what a stream of figures shows. */
  figures: FiguresFeedOptions["read"];
  /** Called when workers are told to publish, so that this process's own ones begin at once. */
  onWatched: (watched: Watched) => void;
  /** Called with how many events a viewer was too slow for. */
  onDropped?: (events: number) => void;
  log: Pick<WorkerLog, "warn">;
  limits?: { viewers: number; ofOwners: number; ofOneOwner: number };
}

/** What is looked at: the attempts of one owner or of all, executions of workflows, or the service's figures. */
export type LiveSource = OwnerRef | "all" | "executions" | "figures";

export interface Viewing {
  source: LiveSource;
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
  private readonly executions = new ExecutionFeed();
  private readonly figures: FiguresFeed;
  private readonly owners = new Map<OwnerRef, OwnerFeed>();
  private subscriber: Subscriber | null = null;
  private timer: Timer | null = null;
  private seconds = 0;
  private idleSeconds = 0;
  private isChecking = false;
  private isStopping = false;
  private awaySince: Date | null = null;

  constructor(private readonly options: HubOptions) {
    const { figures, log } = options;
    this.figures = new FiguresFeed({
      read: figures,
      onError: (error) => this.awaySince ?? log.warn({ err: error }, "stream.failed"),
    });
  }

  get viewers(): number {
    return this.ofAll + this.ofOwners;
  }

  private get ofAll(): number {
    return this.shared.viewers.size + this.executions.viewers.size + this.figures.viewers.size;
  }

  private get ofOwners(): number {
    let viewers = 0;
    for (const feed of this.owners.values()) viewers += feed.viewers.size;
    return viewers;
  }

  /** @throws ValkeyUnavailable */
  async open(viewing: Viewing): Promise<Viewed> {
    if (this.isStopping) return { kind: "stopping" };
    const { source } = viewing;
    const full = this.fullFor(source);
    if (full) return { kind: "full", whose: full };
    const feed = this.feedOf(source);
    const viewer = new Viewer({
      filter: viewing.filter,
      isAllowed: viewing.isAllowed,
      endsAtMs: performance.now() + viewing.forMs,
      onEnd: () => this.remove(viewer, source),
      onDropped: this.options.onDropped,
    });
    // Before anything is awaited: what is being opened counts too.
    feed.viewers.add(viewer);
    this.start();
    viewer.sendText(OPENING + helloText(source));
    try {
      if (feed instanceof OwnerFeed) await feed.look();
      else if (feed instanceof FiguresFeed) viewer.sendText(await feed.look(), 2);
      else await this.announce(feed === this.shared ? "attempts" : "executions");
    } catch (error) {
      viewer.finish();
      throw error;
    }
    if (feed instanceof OwnerFeed) feed.start();
    const canGoOn = feed instanceof OwnerFeed || feed instanceof SharedFeed;
    if (viewing.after !== undefined && canGoOn) {
      viewer.sendText(feed.missedSince(viewing.after, viewer));
    }
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

  private fullFor(source: LiveSource): "owner" | "all" | null {
    const limits = this.options.limits ?? LIMITS;
    const all = this.viewers;
    if (all >= limits.viewers) return "all";
    if (!isOfOneOwner(source)) return null;
    if ((this.owners.get(source)?.viewers.size ?? 0) >= limits.ofOneOwner) return "owner";
    return this.ofOwners >= limits.ofOwners ? "all" : null;
  }

  private feedOf(source: LiveSource): SharedFeed | ExecutionFeed | FiguresFeed | OwnerFeed {
    if (source === "all") return this.shared;
    if (source === "executions") return this.executions;
    if (source === "figures") return this.figures;
    const known = this.owners.get(source);
    if (known) return known;
    const { logs, log } = this.options;
    // Valkey's absence is told by the subscriber. What is left is a key of another type, until it is removed.
    const feed = new OwnerFeed(source, {
      logs,
      onError: (error) => this.awaySince ?? log.warn({ err: error }, "stream.failed"),
    });
    this.owners.set(source, feed);
    return feed;
  }

  private remove(viewer: Viewer, source: LiveSource): void {
    if (!isOfOneOwner(source)) {
      this.feedOf(source).viewers.delete(viewer);
      return;
    }
    const feed = this.owners.get(source);
    if (!feed?.viewers.delete(viewer) || feed.viewers.size > 0) return;
    feed.close();
    this.owners.delete(source);
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
        if (channel !== channels.live) this.alert(text);
        else if (isExecutionsText(text)) this.executions.receive(text);
        else this.shared.receive(text);
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
    this.executions.endSecond();
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
    if (this.seconds % RENEW_EVERY_S === 0) this.announceWatched();
    this.figures.tick();
    void this.checkTokens();
  }

  private async announce(watched: Watched): Promise<void> {
    await this.options.store.renew(watched);
    this.options.onWatched(watched);
  }

  private announceWatched(): void {
    if (this.shared.viewers.size > 0) this.announce("attempts").catch(noAnswer);
    if (this.executions.viewers.size > 0) this.announce("executions").catch(noAnswer);
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
    const viewers = [...this.shared.viewers, ...this.figures.viewers];
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
    this.announceWatched();
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
    return [
      ...this.shared.viewers,
      ...this.executions.viewers,
      ...this.figures.viewers,
      ...ofOwners,
    ];
  }
}

function isOfOneOwner(source: LiveSource): source is OwnerRef {
  return source !== "all" && source !== "executions" && source !== "figures";
}

function helloText(source: LiveSource): string {
  // Both are a sample where there are more.
  const isSampled = source === "all" || source === "executions";
  return eventText("hello", {
    source: isOfOneOwner(source) ? "owner" : source,
    max_per_second: isSampled ? MAX_LIVE_PER_SECOND : null,
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
