// Guarantee 5, by one rule for each process: a webhook starts at 8 requests in flight, grows by its
// successes to the most, halves on a time-out or connection failure; webhooks without a recent
// success hold at most half of all slots together. Who finds no slot within 50 ms goes to the lane.

/** One request in flight to one webhook. */
export interface Slot {
  readonly webhookId: string;
  readonly unproven: boolean;
  /** When its request began; until then, when it was taken. */
  beganAt: number;
}

/** What an attempt tells about its receiver's capacity. */
export type SlotResult = "success" | "overload" | "neutral";

interface Waiter {
  resolve: (slot: Slot | null) => void;
  /** At once where it gets none, in the order of asking. */
  refused: () => void;
  giveUpAt: number;
}

interface Webhook {
  limit: number;
  inFlight: number;
  /**
   * How long the quick ones of the last requests that succeeded took: where this process is busy, the
   * others waited for it and not for the receiver.
   */
  quickMs: number;
  lastSuccessAt: number;
  pausedUntil: number;
  pausedAt: number;
  lastUsedAt: number;
  waiters: Waiter[];
}

const FIRST_LIMIT = 8;
const WAIT_MS = 50;
/** So many waiting for a webhook that keeps pace are served before they have to go to its lane. */
export const ENOUGH_WAITING = 128;
const KEEPS_PACE_MS = 20;
/** How much a request counts that was quicker than that, and one that was slower. */
const QUICKER_SHARE = 1 / 2;
const SLOWER_SHARE = 1 / 64;
const SWEEP_MS = 10;
/** A success longer ago proves nothing about now. */
const PROVEN_MS = 60_000;
const PAUSE_ARRIVES_MS = 1_000;
/** Most webhooks never have one that waits: nothing is ever pushed to it. */
const NOBODY: Waiter[] = [];
/** Idle webhooks are forgotten beyond this many, those that have shown no weakness the sooner. */
const MOST_IDLE = 10_000;
const STRONG_IDLE_MS = 5_000;
/** Looking for them goes over all, so not with each new one. */
const FORGET_EVERY_MS = 1_000;

export class Slots {
  private readonly webhooks = new Map<string, Webhook>();
  private readonly waitingWebhooks = new Set<string>();
  private readonly paused = new Set<string>();
  private unprovenInFlight = 0;
  private sweep: Timer | null = null;
  private forgottenAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly options: {
      concurrency: number;
      webhookConcurrency: number;
      /** A slot of this webhook has become free and nobody here waits for it. */
      onFree: (webhookId: string) => void;
      now?: () => number;
    },
  ) {}

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
    if (isProven(webhook, now)) return Math.max(0, own);
    return Math.max(0, Math.min(own, this.unprovenShare - this.unprovenInFlight));
  }

  take(webhookId: string): Slot | null {
    return this.takeOf(webhookId, this.get(webhookId), this.now());
  }

  private takeOf(webhookId: string, webhook: Webhook, now: number): Slot | null {
    if (this.freeOf(webhook, now) === 0) return null;
    const unproven = !isProven(webhook, now);
    webhook.inFlight += 1;
    webhook.lastUsedAt = now;
    if (unproven) this.unprovenInFlight += 1;
    return { webhookId, unproven, beganAt: now };
  }

  /** A slot within 50 ms, in the order of asking; null: to the lane, which `refused` sees to. */
  wait(webhookId: string, refused: () => void): Promise<Slot | null> {
    const webhook = this.get(webhookId);
    if (webhook.pausedUntil > this.now()) {
      refused();
      return Promise.resolve(null);
    }
    const { promise, resolve } = Promise.withResolvers<Slot | null>();
    if (webhook.waiters === NOBODY) webhook.waiters = [];
    webhook.waiters.push({ resolve, refused, giveUpAt: this.now() + WAIT_MS });
    this.waitingWebhooks.add(webhookId);
    this.sweep ??= setInterval(() => this.giveUpLate(), SWEEP_MS);
    return promise;
  }

  /** Whether others already wait; whoever comes now has to stand behind them. */
  hasWaiters(webhookId: string): boolean {
    return this.waitingWebhooks.has(webhookId);
  }

  /**
   * How many wait for webhooks that keep pace: it is these, not the slots, that limit the rate, so
   * claiming more would only fill their lanes, and others lose nothing by its rest.
   */
  get waitingForPace(): number {
    let waiting = 0;
    const now = this.now();
    for (const id of this.waitingWebhooks) {
      const webhook = this.webhooks.get(id);
      if (webhook && keepsPace(webhook, now)) waiting += webhook.waiters.length;
    }
    return waiting;
  }

  /** Whether even so many that wait for it would find a slot in time. */
  keepsPace(webhookId: string): boolean {
    const webhook = this.webhooks.get(webhookId);
    return webhook !== undefined && keepsPace(webhook, this.now());
  }

  /** Its request begins: what it has waited for until now was not the receiver. */
  begin(slot: Slot): void {
    slot.beganAt = this.now();
  }

  /** Gives a slot back. */
  finish(slot: Slot, result: SlotResult): void {
    const webhook = this.get(slot.webhookId);
    const now = this.now();
    webhook.inFlight -= 1;
    if (slot.unproven) this.unprovenInFlight -= 1;
    if (result === "success") {
      webhook.lastSuccessAt = now;
      const ms = webhook.lastSuccessAt - slot.beganAt;
      const share = ms < webhook.quickMs ? QUICKER_SHARE : SLOWER_SHARE;
      webhook.quickMs += (ms - webhook.quickMs) * share;
      if (webhook.limit < this.options.webhookConcurrency) webhook.limit += 1;
    } else if (result === "overload") {
      webhook.limit = Math.max(1, Math.floor(webhook.limit / 2));
    }
    this.serve(slot.webhookId, webhook, now);
  }

  /** `Retry-After`: nothing is sent to the webhook for so long. */
  pause(webhookId: string, forMs: number): void {
    const webhook = this.get(webhookId);
    webhook.pausedUntil = Math.max(webhook.pausedUntil, this.now() + forMs);
    webhook.pausedAt = this.now();
    this.paused.add(webhookId);
    this.refuseWaiters(webhookId, webhook);
  }

  /** What Valkey knows of pauses, those of other workers too. `complete`: there are no others. */
  setPauses(pauses: readonly { webhookId: string; forMs: number }[], complete: boolean): void {
    for (const { webhookId, forMs } of pauses) this.pause(webhookId, forMs);
    if (!complete) return;
    const named = new Set(pauses.map(({ webhookId }) => webhookId));
    for (const webhookId of this.paused) {
      const webhook = this.webhooks.get(webhookId);
      // One of our own that is younger may be on its way to Valkey still.
      const isSettled = !webhook || this.now() - webhook.pausedAt > PAUSE_ARRIVES_MS;
      if (named.has(webhookId) || !isSettled) continue;
      // It is over, or the webhook was enabled again or got another url.
      if (webhook) webhook.pausedUntil = 0;
      this.paused.delete(webhookId);
      this.options.onFree(webhookId);
    }
  }

  /** At the end: whoever waits goes back at once. */
  refuseAll(): void {
    for (const id of this.waitingWebhooks) this.refuseWaiters(id, this.get(id));
    if (this.sweep) clearInterval(this.sweep);
    this.sweep = null;
  }

  private get firstLimit(): number {
    return Math.min(FIRST_LIMIT, this.options.webhookConcurrency);
  }

  private get unprovenShare(): number {
    return Math.max(1, Math.floor(this.options.concurrency / 2));
  }

  private get(webhookId: string): Webhook {
    let webhook = this.webhooks.get(webhookId);
    if (!webhook) {
      if (this.webhooks.size >= MOST_IDLE) this.forgetIdle();
      webhook = {
        limit: this.firstLimit,
        inFlight: 0,
        quickMs: WAIT_MS,
        lastSuccessAt: Number.NEGATIVE_INFINITY,
        pausedUntil: 0,
        pausedAt: 0,
        lastUsedAt: this.now(),
        waiters: NOBODY,
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
    this.options.onFree(webhookId);
  }

  private refuseWaiters(webhookId: string, webhook: Webhook): void {
    for (const { refused, resolve } of webhook.waiters.splice(0)) {
      refused();
      resolve(null);
    }
    this.waitingWebhooks.delete(webhookId);
  }

  private giveUpLate(): void {
    const now = this.now();
    for (const id of this.waitingWebhooks) {
      const webhook = this.get(id);
      this.serve(id, webhook, now);
      // All behind the first that has waited too long go with it: the lane keeps their order.
      if ((webhook.waiters[0]?.giveUpAt ?? Number.POSITIVE_INFINITY) <= now) {
        this.refuseWaiters(id, webhook);
      }
    }
    if (this.waitingWebhooks.size === 0 && this.sweep) {
      clearInterval(this.sweep);
      this.sweep = null;
    }
  }

  private forgetIdle(): void {
    const now = this.now();
    if (now - this.forgottenAt < FORGET_EVERY_MS) return;
    this.forgottenAt = now;
    for (const [id, webhook] of this.webhooks) {
      const idle = webhook.inFlight === 0 && webhook.waiters.length === 0;
      const idleMs = webhook.limit < this.firstLimit ? PROVEN_MS : STRONG_IDLE_MS;
      if (idle && webhook.pausedUntil <= now && now - webhook.lastUsedAt > idleMs) {
        this.webhooks.delete(id);
      }
    }
  }
}

function isProven(webhook: Webhook, now: number): boolean {
  return now - webhook.lastSuccessAt < PROVEN_MS;
}

function keepsPace(webhook: Webhook, now: number): boolean {
  return (
    isProven(webhook, now) && (webhook.quickMs * ENOUGH_WAITING) / webhook.limit <= KEEPS_PACE_MS
  );
}
