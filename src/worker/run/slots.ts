// Guarantee 5, by one rule for each process: a webhook starts at 8 requests in flight, grows by its
// successes to the maximum, and halves on a time-out or connection failure. Webhooks without a recent
// success hold at most half of all slots together. A delivery that gets no slot in 50 ms goes to the lane.
import type { WakeUp } from "../wake-up.ts";
import {
  canServeQueue,
  learn,
  RECENT_SUCCESS_MS,
  succeededRecently,
  type SlotResult,
  type WebhookCapacity,
} from "./webhook-capacity.ts";

export type { SlotResult } from "./webhook-capacity.ts";

/** One request in flight to one webhook. */
export interface Slot {
  readonly webhookId: string;
  /** Counts towards the share of webhooks without a recent success. */
  readonly isUnproven: boolean;
  /** When its request began; until then, when it was taken. */
  beganAt: number;
}

interface Waiter {
  resolve: (slot: Slot | null) => void;
  /** Called at once when it gets none, in the order of asking. */
  refused: () => void;
  giveUpAt: number;
}

interface Webhook extends WebhookCapacity {
  pausedUntil: number;
  pausedAt: number;
  lastUsedAt: number;
  waiters: Waiter[];
}

export interface SlotsOptions {
  /** `FLUXHOOK_CONCURRENCY`. */
  concurrency: number;
  /** `FLUXHOOK_WEBHOOK_CONCURRENCY`. */
  webhookConcurrency: number;
  /** The maximum of one webhook, where it has one of its own: `trigger.concurrency` of a workflow. */
  maxOf?: (webhookId: string) => number;
  /** Webhooks with deliveries in a lane: a slot that one of them can use wakes the claimer. */
  lanes: { has(webhookId: string): boolean; readonly size: number };
  wakeUp: Pick<WakeUp, "notify">;
  now?: () => number;
}

const FIRST_LIMIT = 8;
const MAX_WAIT_MS = 50;
const CHECK_WAITERS_EVERY_MS = 10;
/**
 * Slots of webhooks without a recent success that become free within this time are told to the claimer together.
 * Hundreds of receivers that hang free one every few milliseconds, and a request for each costs more than their
 * deliveries (measured: docs/performance.md, "Where the time goes").
 */
const UNPROVEN_TOGETHER_MS = 10;
/** How long a pause may take to reach Valkey. */
const PAUSE_ARRIVES_MS = 1_000;
/** Shared empty list for webhooks with no waiters. Never mutated. */
const NO_WAITERS: Waiter[] = [];
/** Above this many webhooks, idle ones are forgotten; those that never failed are forgotten sooner. */
const MAX_IDLE = 10_000;
const HEALTHY_IDLE_MS = 5_000;
/** Looking for idle webhooks scans all of them, so it is not done for each new one. */
const FORGET_EVERY_MS = 1_000;

export class Slots {
  private readonly webhooks = new Map<string, Webhook>();
  private readonly waitingWebhooks = new Set<string>();
  private readonly paused = new Set<string>();
  private unprovenInFlight = 0;
  private checking: Timer | null = null;
  private telling: Timer | null = null;
  private pauseTimer: Timer | null = null;
  private pauseTimerAt = Number.POSITIVE_INFINITY;
  private forgottenAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SlotsOptions) {}

  private now(): number {
    return this.options.now ? this.options.now() : performance.now();
  }

  /** How many more requests the webhook may have in flight now. */
  free(webhookId: string): number {
    return this.freeOf(this.get(webhookId), this.now());
  }

  private freeOf(webhook: Webhook, now: number): number {
    if (webhook.pausedUntil > now) return 0;
    const own = webhook.limit - webhook.inFlight;
    if (succeededRecently(webhook, now)) return Math.max(0, own);
    return Math.max(0, Math.min(own, this.unprovenShare - this.unprovenInFlight));
  }

  take(webhookId: string): Slot | null {
    return this.takeOf(webhookId, this.get(webhookId), this.now());
  }

  private takeOf(webhookId: string, webhook: Webhook, now: number): Slot | null {
    if (this.freeOf(webhook, now) === 0) return null;
    const isUnproven = !succeededRecently(webhook, now);
    webhook.inFlight += 1;
    webhook.lastUsedAt = now;
    if (isUnproven) this.unprovenInFlight += 1;
    return { webhookId, isUnproven, beganAt: now };
  }

  /** A slot within 50 ms, in the order of asking; null if there was none, after `refused` was called. */
  wait(webhookId: string, refused: () => void): Promise<Slot | null> {
    const webhook = this.get(webhookId);
    if (webhook.pausedUntil > this.now()) {
      refused();
      return Promise.resolve(null);
    }
    const { promise, resolve } = Promise.withResolvers<Slot | null>();
    if (webhook.waiters === NO_WAITERS) webhook.waiters = [];
    webhook.waiters.push({ resolve, refused, giveUpAt: this.now() + MAX_WAIT_MS });
    this.waitingWebhooks.add(webhookId);
    this.checking ??= setInterval(() => this.checkWaiters(), CHECK_WAITERS_EVERY_MS);
    return promise;
  }

  /** True if deliveries already wait for the webhook: a new one has to wait behind them. */
  hasWaiters(webhookId: string): boolean {
    return this.waitingWebhooks.has(webhookId);
  }

  /** True if the webhook's receiver has asked for a pause that is not over (`Retry-After`). */
  isPaused(webhookId: string): boolean {
    const webhook = this.webhooks.get(webhookId);
    return webhook !== undefined && webhook.pausedUntil > this.now();
  }

  /**
   * How many deliveries wait for fast webhooks. These limit the rate, not the slots: claiming more would
   * only fill their lanes, and no other webhook loses by it.
   */
  get servableWaiters(): number {
    let waiting = 0;
    const now = this.now();
    for (const id of this.waitingWebhooks) {
      const webhook = this.webhooks.get(id);
      if (webhook && canServeQueue(webhook, now)) waiting += webhook.waiters.length;
    }
    return waiting;
  }

  /** True if the webhook is so fast that a full queue of waiters would all get a slot in time. */
  canServeQueue(webhookId: string): boolean {
    const webhook = this.webhooks.get(webhookId);
    return webhook !== undefined && canServeQueue(webhook, this.now());
  }

  /** Its request begins: the time until now was not spent by the receiver. */
  begin(slot: Slot): void {
    slot.beganAt = this.now();
  }

  /** Gives a slot back. */
  finish(slot: Slot, result: SlotResult): void {
    const webhook = this.get(slot.webhookId);
    const now = this.now();
    webhook.inFlight -= 1;
    if (slot.isUnproven) this.unprovenInFlight -= 1;
    learn(webhook, result, now - slot.beganAt, now, this.maxOf(slot.webhookId));
    this.serve(slot.webhookId, webhook, now);
    if (slot.isUnproven) this.notifyShareFree();
  }

  /** `Retry-After`: nothing is sent to the webhook for `forMs`. */
  pause(webhookId: string, forMs: number): void {
    const webhook = this.get(webhookId);
    webhook.pausedUntil = Math.max(webhook.pausedUntil, this.now() + forMs);
    webhook.pausedAt = this.now();
    this.paused.add(webhookId);
    this.refuseWaiters(webhookId, webhook);
    this.lookAtPauses(webhook.pausedUntil);
  }

  /** The pauses that Valkey knows, those of other workers too. `complete`: there are no others. */
  setPauses(pauses: readonly { webhookId: string; forMs: number }[], complete: boolean): void {
    for (const { webhookId, forMs } of pauses) this.pause(webhookId, forMs);
    if (!complete) return;
    const known = new Set(pauses.map(({ webhookId }) => webhookId));
    for (const webhookId of this.paused) {
      const webhook = this.webhooks.get(webhookId);
      // A younger one of our own may still be on its way to Valkey.
      const hasArrived = !webhook || this.now() - webhook.pausedAt > PAUSE_ARRIVES_MS;
      if (known.has(webhookId) || !hasArrived) continue;
      // It is over, or the webhook was enabled again or got another url.
      if (webhook) webhook.pausedUntil = 0;
      this.paused.delete(webhookId);
      this.notifyFree(webhookId);
    }
  }

  /** At the end of the process: refuses all that wait. */
  refuseAll(): void {
    for (const id of this.waitingWebhooks) this.refuseWaiters(id, this.get(id));
    this.stopChecking();
    if (this.telling) clearTimeout(this.telling);
    if (this.pauseTimer) clearTimeout(this.pauseTimer);
  }

  private maxOf(webhookId: string): number {
    return this.options.maxOf?.(webhookId) ?? this.options.webhookConcurrency;
  }

  private firstLimit(webhookId: string): number {
    return Math.min(FIRST_LIMIT, this.maxOf(webhookId));
  }

  private get unprovenShare(): number {
    return Math.max(1, Math.floor(this.options.concurrency / 2));
  }

  private get(webhookId: string): Webhook {
    let webhook = this.webhooks.get(webhookId);
    if (!webhook) {
      if (this.webhooks.size >= MAX_IDLE) this.forgetIdle();
      webhook = {
        limit: this.firstLimit(webhookId),
        inFlight: 0,
        fastMs: MAX_WAIT_MS,
        lastSuccessAt: Number.NEGATIVE_INFINITY,
        pausedUntil: 0,
        pausedAt: 0,
        lastUsedAt: this.now(),
        waiters: NO_WAITERS,
      };
      this.webhooks.set(webhookId, webhook);
    }
    return webhook;
  }

  private serve(webhookId: string, webhook: Webhook, now: number): void {
    while (webhook.waiters.length > 0) {
      const slot = this.takeOf(webhookId, webhook, now);
      if (!slot) return;
      webhook.waiters.shift()?.resolve(slot);
    }
    this.waitingWebhooks.delete(webhookId);
    if (succeededRecently(webhook, now)) this.notifyFree(webhookId);
    else this.notifyShareFree();
  }

  /** Nobody here waits for the free slot, but deliveries in the webhook's lane may. */
  private notifyFree(webhookId: string): void {
    if (this.options.lanes.has(webhookId)) this.options.wakeUp.notify();
  }

  /** A part of the share of webhooks without a recent success is free, for the lane of any of them. */
  private notifyShareFree(): void {
    if (this.telling !== null || this.options.lanes.size === 0) return;
    this.telling = setTimeout(() => {
      this.telling = null;
      this.options.wakeUp.notify();
    }, UNPROVEN_TOGETHER_MS);
  }

  /** One timer, for the pause that ends first. */
  private lookAtPauses(at: number): void {
    if (at >= this.pauseTimerAt) return;
    if (this.pauseTimer) clearTimeout(this.pauseTimer);
    this.pauseTimerAt = at;
    this.pauseTimer = setTimeout(() => this.endPauses(), Math.max(0, at - this.now()));
  }

  private endPauses(): void {
    this.pauseTimer = null;
    this.pauseTimerAt = Number.POSITIVE_INFINITY;
    const now = this.now();
    for (const webhookId of this.paused) {
      const until = this.webhooks.get(webhookId)?.pausedUntil ?? 0;
      if (until > now) {
        this.lookAtPauses(until);
        continue;
      }
      this.paused.delete(webhookId);
      this.notifyFree(webhookId);
    }
  }

  private refuseWaiters(webhookId: string, webhook: Webhook): void {
    for (const { refused, resolve } of webhook.waiters.splice(0)) {
      refused();
      resolve(null);
    }
    this.waitingWebhooks.delete(webhookId);
  }

  private checkWaiters(): void {
    const now = this.now();
    for (const id of this.waitingWebhooks) {
      const webhook = this.get(id);
      this.serve(id, webhook, now);
      // All behind the first that has waited too long go with it: the lane keeps their order.
      if ((webhook.waiters[0]?.giveUpAt ?? Number.POSITIVE_INFINITY) <= now) {
        this.refuseWaiters(id, webhook);
      }
    }
    if (this.waitingWebhooks.size === 0) this.stopChecking();
  }

  private stopChecking(): void {
    if (this.checking) clearInterval(this.checking);
    this.checking = null;
  }

  private forgetIdle(): void {
    const now = this.now();
    if (now - this.forgottenAt < FORGET_EVERY_MS) return;
    this.forgottenAt = now;
    for (const [id, webhook] of this.webhooks) {
      const isIdle = webhook.inFlight === 0 && webhook.waiters.length === 0;
      const idleMs = webhook.limit < this.firstLimit(id) ? RECENT_SUCCESS_MS : HEALTHY_IDLE_MS;
      if (isIdle && webhook.pausedUntil <= now && now - webhook.lastUsedAt > idleMs) {
        this.webhooks.delete(id);
      }
    }
  }
}
