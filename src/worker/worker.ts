// The worker: claim → fan out → deliver → settle, for all queues of this process. What it needs is
// put together here, and taken apart by `drain`.
import { createGuard } from "../delivery/guard.ts";
import { createResolver } from "../delivery/resolve.ts";
import { createSender } from "../delivery/send.ts";
import type { Settings } from "../config.ts";
import { HealthStore } from "../valkey/health-store.ts";
import { isDelivery, type DeliveryHeader } from "../valkey/item.ts";
import { sharedKeys } from "../valkey/keys.ts";
import { Link } from "../valkey/link.ts";
import { LogStore } from "../valkey/log-store.ts";
import { QueueStore, type Claimed } from "../valkey/queue-store.ts";
import { RejectedStore } from "../valkey/rejected-store.ts";
import { ValkeyUnavailable } from "../valkey/unavailable.ts";
import { WebhookCache } from "../valkey/webhook-cache.ts";
import { WebhookStore } from "../valkey/webhook-store.ts";
import { readElement, type EventLimits } from "../wire/event.ts";
import { park, putBack, runDelivery, type AttemptDeps, type FinishedAttempt } from "./attempt.ts";
import { Claimer } from "./claim.ts";
import { acceptedEventTypes } from "./event-types.ts";
import { fanOut } from "./fan-out.ts";
import { ListWait } from "./list-wait.ts";
import { Membership } from "./membership.ts";
import { MOST_CRASHES, Reaper } from "./reap.ts";
import { Recorder } from "./record.ts";
import { registerWebhook, type RegisteredWebhook } from "./registered-webhook.ts";
import { Rejections } from "./rejections.ts";
import { Settler } from "./settle.ts";
import { Slots, type Slot } from "./slots.ts";
import type { WorkerLog } from "./worker-log.ts";

/** A settle group may be large; the lease is longer. */
const LINK_DEADLINE_MS = 3_000;

export interface WorkerOptions {
  settings: Settings;
  log: WorkerLog;
  /** Told of each attempt after it is settled. */
  onAttempt?: (attempt: FinishedAttempt) => void;
  leaseMs?: number;
  heartbeatMs?: number;
}

export class Worker {
  private readonly link: Link;
  private readonly memberships: Membership[] = [];
  private readonly settlers: Settler[] = [];
  private readonly waits = new Map<Membership, ListWait>();
  private readonly cache: WebhookCache<RegisteredWebhook>;
  private readonly slots: Slots;
  private readonly claimer: Claimer;
  private readonly reaper: Reaper;
  private readonly recorder: Recorder;
  private readonly rejections: Rejections;
  private readonly attempts: AttemptDeps;
  private readonly limits: EventLimits;
  private readonly log: WorkerLog;
  /** Claimed and not settled. */
  private held = 0;
  private draining = false;
  private claiming: Promise<void> = Promise.resolve();

  constructor(private readonly options: WorkerOptions) {
    const { settings, log } = options;
    this.log = log;
    const keys = sharedKeys(settings.PREFIX);
    this.limits = {
      maxEventBytes: settings.MAX_EVENT_BYTES,
      eventTypes: acceptedEventTypes(settings.EVENT_TYPES),
    };
    this.link = new Link({
      url: settings.VALKEY_URL,
      name: "fluxhook-worker",
      deadlineMs: LINK_DEADLINE_MS,
      onUp: () => log.info({}, "valkey.connected"),
      onDown: (reason) => {
        log.warn({ reason }, "valkey.lost");
        this.reaper.disturbed();
      },
    });
    const whenUp = () => this.link.whenUp();
    this.recorder = new Recorder({
      logs: new LogStore(this.link, keys, { size: settings.LOG_SIZE, ttlMs: settings.LOG_TTL }),
      health: new HealthStore(this.link, keys),
      logSize: settings.LOG_SIZE,
      log,
      onHealth: () => {},
    });
    this.rejections = new Rejections({
      store: new RejectedStore(this.link, keys, settings.REJECTED_MAX),
      log,
      whenUp,
    });
    this.cache = new WebhookCache({
      url: settings.VALKEY_URL,
      name: "fluxhook-changes",
      keys,
      store: new WebhookStore(this.link, keys),
      compile: registerWebhook,
    });
    this.slots = new Slots({
      concurrency: settings.CONCURRENCY,
      webhookConcurrency: settings.WEBHOOK_CONCURRENCY,
      onFree: (webhookId) => {
        if (this.memberships.some((membership) => membership.lanes.has(webhookId))) {
          this.claimer.wake();
        }
      },
    });
    for (const queue of settings.QUEUE) this.addQueue(queue, whenUp);
    this.claimer = new Claimer({
      memberships: this.memberships,
      mode: settings.CLAIM,
      slots: this.slots,
      room: () => settings.CONCURRENCY - this.held,
      onItem: (membership, claim, slot) => this.onItem(membership, claim, slot),
      waitForList: (membership) => this.waits.get(membership)?.arm(),
      onGone: (membership) => {
        membership.lost();
        this.reaper.rejoin();
      },
      whenUp,
      log,
    });
    this.reaper = new Reaper({
      memberships: this.memberships,
      log,
      onWork: () => {
        this.claimer.wake();
        for (const resolve of this.onConnected.splice(0)) resolve();
      },
      whenUp,
      leaseMs: options.leaseMs,
      heartbeatMs: options.heartbeatMs,
    });
    this.attempts = {
      slots: this.slots,
      recorder: this.recorder,
      deliver: {
        guard: createGuard({
          allowRanges: settings.EGRESS_ALLOW,
          ports: settings.EGRESS_PORTS,
          allowHttp: settings.EGRESS_HTTP,
          resolve: createResolver(),
        }),
        send: createSender(),
        now: Date.now,
        random: Math.random,
      },
      log,
      running: new Map(),
      isDraining: () => this.draining,
      onAttempt: options.onAttempt,
    };
  }

  get isConnected(): boolean {
    return this.link.isUp && this.memberships.every((membership) => membership.worker !== null);
  }

  /** Resolves when it is connected and has joined its queues. */
  async whenConnected(): Promise<void> {
    while (!this.isConnected) {
      await new Promise((resolve) => this.onConnected.push(() => resolve(null)));
    }
  }

  private readonly onConnected: (() => void)[] = [];

  get problem(): string {
    return this.link.isUp ? "joining" : this.link.lastProblem;
  }

  start(): this {
    this.link.open();
    this.cache.open();
    this.reaper.start();
    this.claiming = this.claimer.run();
    return this;
  }

  /**
   * Ends the work: nothing more is claimed, what waits goes back at once, what is in flight may
   * finish within `graceMs` and goes back then.
   */
  async drain(graceMs: number): Promise<{ putBack: number }> {
    this.draining = true;
    const deadline = sleepUntil(graceMs);
    this.claimer.stop();
    for (const wait of this.waits.values()) wait.close();
    this.slots.refuseAll();
    await Promise.race([this.claiming, deadline.passed]);
    await Promise.race([this.finished(), deadline.passed]);
    const running = [...this.attempts.running].toReversed();
    for (const [claim, { membership, header }] of running) {
      this.attempts.running.delete(claim);
      putBack({ membership, claim, header }, "begun");
    }
    deadline.clear();
    const end = sleepUntil(END_MS);
    await Promise.race([this.end(), end.passed]);
    end.clear();
    this.link.close();
    await this.reaper.stop();
    await this.cache.close();
    return { putBack: running.length };
  }

  private async finished(): Promise<void> {
    while (this.held > 0) await new Promise((resolve) => this.onIdle.push(() => resolve(null)));
  }

  private readonly onIdle: (() => void)[] = [];

  private async end(): Promise<void> {
    await this.rejections.idle();
    await Promise.all(this.settlers.map((settler) => settler.idle()));
    for (const { store, worker } of this.memberships) {
      // Whatever it should still hold goes back now, not after a lease.
      if (worker !== null) await store.leave(worker);
    }
    await this.recorder.flush();
  }

  private addQueue(queue: string, whenUp: () => Promise<void>): void {
    const { settings, log } = this.options;
    const store = new QueueStore(this.link, queue);
    const settler = new Settler({
      store,
      parked: {
        most: settings.PARKED_MAX,
        mostBytes: settings.PARKED_MAX_BYTES,
        ttlMs: settings.PARKED_TTL,
      },
      log,
      whenUp,
      onSettled: (claims) => this.onSettled(membership, claims),
      onFallenOut: (deliveries) => log.warn({ queue, deliveries }, "parked.fell_out"),
    });
    const membership = new Membership(store, settler);
    this.memberships.push(membership);
    this.settlers.push(settler);
    this.waits.set(
      membership,
      new ListWait({
        url: settings.VALKEY_URL,
        name: "fluxhook-wait",
        queue,
        end: settings.CLAIM === "safe" ? "RIGHT" : "LEFT",
        onElement: () => this.claimer.wake(),
        log,
      }),
    );
  }

  private onSettled(membership: Membership, claims: readonly Claimed[]): void {
    for (const claim of claims) membership.release(claim);
    this.letGo(claims.length);
  }

  private letGo(count: number): void {
    this.held -= count;
    if (this.held <= 0) for (const resolve of this.onIdle.splice(0)) resolve();
    if (!this.draining) this.claimer.wake();
  }

  private onItem(membership: Membership, claim: Claimed, slot: Slot | null): void {
    this.held += 1;
    this.run(membership, claim, slot).catch((error: unknown) => {
      // Ours: the claim is left for the reaper.
      this.log.error({ err: error, queue: membership.store.queue }, "claim.crashed");
      membership.release(claim);
      this.letGo(1);
    });
  }

  private async run(membership: Membership, claim: Claimed, slot: Slot | null): Promise<void> {
    if (this.draining) {
      if (slot) this.slots.finish(slot, "neutral");
      const header = isDelivery(claim.header) ? JSON.stringify(claim.header) : null;
      membership.settle(claim, { verb: "back", header });
    } else if (isDelivery(claim.header)) {
      await this.runDelivery(membership, claim, claim.header, slot);
    } else {
      await this.runElement(membership, claim);
    }
  }

  private async runElement(membership: Membership, claim: Claimed): Promise<void> {
    if (claim.crashes >= MOST_CRASHES) {
      this.rejections.add(membership, claim, {
        reason: "crashed-worker",
        field: null,
        message: `its worker ended ${claim.crashes} times while it held this element`,
      });
      return;
    }
    const result = await this.untilUp(() => fanOut(claim, this.limits, this.cache));
    switch (result.kind) {
      case "rejected":
        this.rejections.add(membership, claim, result.rejection);
        return;
      case "nobody":
        membership.settle(claim, { verb: "done", ending: "nobody" });
        return;
      case "many":
        membership.settle(claim, {
          verb: "fan",
          event: result.event,
          headers: result.headers.map((header) => JSON.stringify(header)),
        });
        return;
      case "one": {
        const { event, header, webhook } = result;
        await runDelivery({ membership, claim, header, event, webhook }, null, this.attempts);
      }
    }
  }

  private async runDelivery(
    membership: Membership,
    claim: Claimed,
    header: DeliveryHeader,
    kept: Slot | null,
  ): Promise<void> {
    const reading = readElement(claim.bytes ?? Buffer.alloc(0), STORED);
    const webhooks = await this.untilUp(
      async () => this.cache.peek(header.owner) ?? (await this.cache.get(header.owner)),
    );
    const webhook = webhooks.find((one) => one.record.id === header.webhook_id);
    if (reading.ok && webhook && claim.crashes < MOST_CRASHES) {
      const { event } = reading;
      await runDelivery({ membership, claim, header, event, webhook }, kept, this.attempts);
      return;
    }
    if (kept) this.slots.finish(kept, "neutral");
    if (!webhook) {
      membership.settle(claim, { verb: "done", ending: "deleted" });
      this.log.info({ webhook_id: header.webhook_id, id: header.id }, "delivery.webhook_deleted");
      return;
    }
    const event = reading.ok ? reading.event : null;
    const reason = reading.ok ? "crashed-worker" : "unreadable";
    park({ membership, claim, header, event }, reason, null, header.attempt);
    this.log.error({ reason, id: header.id, crashes: claim.crashes }, "delivery.set_aside");
  }

  /** Reading the webhooks may meet an outage; the claim is kept meanwhile. */
  private async untilUp<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof ValkeyUnavailable) || this.draining) throw error;
        await this.link.whenUp();
      }
    }
  }
}

/** After the grace: enough to put back and to leave, not enough to hang on a dead Valkey. */
const END_MS = 5_000;

/** What is stored was accepted once; settings that have changed since do not unmake it. */
const STORED: EventLimits = { maxEventBytes: Number.MAX_SAFE_INTEGER, eventTypes: "open" };

function sleepUntil(ms: number): { passed: Promise<void>; clear: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return {
    passed: promise,
    clear: () => clearTimeout(timer),
  };
}
