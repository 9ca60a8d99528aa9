// The worker: claim → fan out → deliver → settle, for all queues of this process. What it needs is
// put together here, and taken apart by `drain`.
import { createEgress, type Egress } from "../delivery/egress.ts";
import type { Settings } from "../config/settings.ts";
import { AlertStore } from "../valkey/history/alert-store.ts";
import { HealthStore } from "../valkey/webhooks/health-store.ts";
import { sharedKeys } from "../valkey/keys.ts";
import { Link } from "../valkey/connection/link.ts";
import { KeptStore } from "../valkey/history/body-store.ts";
import { cutOf, logLimits, parkedLimits, rejectedLimits } from "../valkey/limits.ts";
import { LogStore } from "../valkey/history/log-store.ts";
import { ParkedStore } from "../valkey/queue/parked-store.ts";
import { QueueStore, type Claimed } from "../valkey/queue/queue-store.ts";
import { addRecent } from "../valkey/history/recent-lists.ts";
import { RejectedStore } from "../valkey/queue/rejected-store.ts";
import { SecretBox } from "../valkey/webhooks/secret-box.ts";
import { WebhookCache } from "../valkey/webhooks/webhook-cache.ts";
import { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import { alertOfAttempt } from "./after/alert-of-attempt.ts";
import { Alerter } from "./after/alerts.ts";
import { putBack, type AttemptDeps, type FinishedAttempt } from "./run/attempt.ts";
import { Claimer } from "./claim/claimer.ts";
import { acceptedEventTypes } from "../wire/accepted-event-types.ts";
import { Disabler } from "./after/disable.ts";
import { Held } from "./settle/held.ts";
import { inOrder } from "./webhooks/directory.ts";
import { KeyProblems } from "./after/key-problems.ts";
import { ListWait } from "./claim/list-watcher.ts";
import { Membership } from "./settle/membership.ts";
import { causesOf, type NotReadyCause } from "./progress.ts";
import { Reaper } from "./settle/heartbeat.ts";
import { Recorder } from "./after/attempt-log.ts";
import { registerWebhook, type RegisteredWebhook } from "./webhooks/prepared-webhook.ts";
import { Rejections } from "./settle/reject.ts";
import { postpone, route, WebhooksUnreadable, type RouteDeps } from "./run/route.ts";
import { Settler } from "./settle/settler.ts";
import { sleepUntil } from "./sleep-until.ts";
import { Slots, type Slot } from "./run/slots.ts";
import { tellUnreadable } from "./after/alert-unreadable.ts";
import { Throughput } from "./claim/throughput.ts";
import type { WorkerLog } from "../worker-log.ts";

/** A settle group may be large; the lease is longer. */
const LINK_DEADLINE_MS = 3_000;

export interface WorkerOptions {
  settings: Settings;
  log: WorkerLog;
  /** Shared with the API of the same process; one of its own where left out. */
  egress?: Pick<Egress, "guard" | "send">;
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
  private readonly throughput = new Throughput();
  private readonly claimer: Claimer;
  private readonly reaper: Reaper;
  private readonly recorder: Recorder;
  private readonly rejections: Rejections;
  private readonly attempts: AttemptDeps;
  private readonly routes: RouteDeps;
  private readonly alerter: Alerter;
  private readonly disabler: Disabler;
  private readonly problems: KeyProblems;
  private readonly log: WorkerLog;
  private readonly held = new Held();
  private draining = false;
  private claiming: Promise<void> = Promise.resolve();

  constructor(private readonly options: WorkerOptions) {
    const { settings, log, egress = createEgress(settings) } = options;
    this.log = log;
    const keys = sharedKeys(settings.PREFIX);
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
      logs: new LogStore(this.link, keys, logLimits(settings)),
      kept: new KeptStore(this.link, keys),
      write: (lists) => addRecent(this.link, logLimits(settings), lists),
      health: new HealthStore(this.link, keys),
      logSize: settings.LOG_SIZE,
      log,
      onHealth: (changes, states) => this.disabler.judge(changes, states),
    });
    this.rejections = new Rejections({
      store: new RejectedStore(this.link, keys, rejectedLimits(settings)),
      log,
      whenUp,
      onFallenOut: (elements) => {
        log.warn({ elements }, "rejected.fell_out");
        this.alerter.raise("rejected.fell_out", {
          queue: "rejected",
          message: "more elements were rejected than FLUXHOOK_REJECTED_MAX allows",
        });
      },
    });
    const webhooks = new WebhookStore(this.link, keys, {
      box: new SecretBox(settings.SECRET_KEY),
      onUnreadable: (record, field) => tellUnreadable(record, field, this.alerter, log),
    });
    this.cache = new WebhookCache({
      url: settings.VALKEY_URL,
      name: "fluxhook-changes",
      keys,
      store: webhooks,
      compile: registerWebhook,
      onError: (error) => log.error({ err: error }, "changes.failed"),
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
    this.alerter = new Alerter({
      store: new AlertStore(this.link, keys),
      queue: new QueueStore(this.link, settings.QUEUE[0] ?? ""),
      url: settings.ALERT_URL,
      secret: settings.ALERT_SECRET,
      log,
    });
    this.problems = new KeyProblems(this.alerter, log);
    this.disabler = new Disabler({ store: webhooks, alerter: this.alerter, log });
    this.claimer = new Claimer({
      memberships: this.memberships,
      mode: settings.CLAIM,
      cut: cutOf(settings),
      slots: this.slots,
      throughput: this.throughput,
      held: () => this.held.count,
      room: () => settings.CONCURRENCY - this.held.count,
      onItem: (membership, claim, slot) => this.onItem(membership, claim, slot),
      waitForList: (membership) => this.waits.get(membership)?.arm(),
      onGone: (membership) => {
        membership.lost();
        this.reaper.rejoin();
      },
      onProblems: (queue, problems) => this.problems.tell(queue, problems),
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
      onBeat: (membership) => this.onBeat(membership),
      whenUp,
      leaseMs: options.leaseMs,
      heartbeatMs: options.heartbeatMs,
    });
    this.attempts = {
      slots: this.slots,
      recorder: this.recorder,
      deliver: {
        guard: egress.guard,
        send: egress.send,
        now: Date.now,
        random: Math.random,
      },
      log,
      running: new Map(),
      isDraining: () => this.draining,
      onAttempt: (finished) => this.onAttempt(finished),
    };
    this.routes = {
      limits: {
        maxEventBytes: settings.MAX_EVENT_BYTES,
        eventTypes: acceptedEventTypes(settings.EVENT_TYPES),
      },
      directory: inOrder(this.alerter.directory(this.cache)),
      rejections: this.rejections,
      attempts: this.attempts,
      whenUp,
      onUnreadable: (queue, message) => this.alerter.raise("item.unreadable", { queue, message }),
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

  /** Why no work gets done, as /readyz answers it; empty where work gets done. */
  notReadyCauses(): NotReadyCause[] {
    const { link, memberships, held } = this;
    return causesOf({ link, memberships, held, concurrency: this.options.settings.CONCURRENCY });
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
    await Promise.race([this.held.whenNone(), deadline.passed]);
    const running = [...this.attempts.running].toReversed();
    for (const [claim, { membership, header }] of running) {
      this.attempts.running.delete(claim);
      putBack({ membership, claim, header }, "begun");
    }
    deadline.clear();
    const end = sleepUntil(END_MS);
    const ended = this.end().catch((error: unknown) => {
      // What could not be put back is taken over after its lease.
      this.log.warn({ err: error }, "worker.left_without_leave");
    });
    await Promise.race([ended, end.passed]);
    end.clear();
    this.link.close();
    await this.reaper.stop();
    await this.cache.close();
    return { putBack: running.length };
  }

  private async end(): Promise<void> {
    await this.rejections.idle();
    await Promise.all(this.settlers.map((settler) => settler.idle()));
    // First, or a heartbeat in between would find itself unknown and join again.
    await this.reaper.stop();
    for (const { store, worker } of this.memberships) {
      // Whatever it should still hold goes back now, not after a lease.
      if (worker !== null) await store.leave(worker);
    }
    await this.recorder.flush();
  }

  private addQueue(queue: string, whenUp: () => Promise<boolean>): void {
    const { settings, log } = this.options;
    const store = new QueueStore(this.link, queue);
    const settler = new Settler({
      store,
      log,
      whenUp,
      onSettled: (claims) => this.onSettled(membership, claims),
      onFailed: (error) => membership.progress.settleFailed(error),
      onParked: () => {
        this.sweep(queue).catch((error: unknown) => log.warn({ err: error }, "sweep.failed"));
      },
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
    membership.progress.settled();
    this.letGo(claims.length);
  }

  private letGo(count: number): void {
    this.held.remove(count);
    if (!this.draining) this.claimer.wake();
  }

  private onItem(membership: Membership, claim: Claimed, slot: Slot | null): void {
    this.held.add();
    try {
      route(membership, claim, slot, this.routes).catch((error: unknown) =>
        this.onCrash(membership, claim, error),
      );
    } catch (error) {
      this.onCrash(membership, claim, error);
    }
  }

  /** Ours, not the remote's: the claim is left for the reaper. */
  private onCrash(membership: Membership, claim: Claimed, error: unknown): void {
    if (error instanceof WebhooksUnreadable) {
      this.problems.tellError(membership.store.queue, error);
      return postpone(membership, claim);
    }
    this.log.error({ err: error, queue: membership.store.queue }, "claim.crashed");
    membership.release(claim);
    this.letGo(1);
  }

  /** What follows from an attempt beside its settlement; nothing here is waited for. */
  private onAttempt(finished: FinishedAttempt): void {
    this.throughput.add();
    const { job, attempt } = finished;
    const { outcome } = attempt;
    const { webhook } = job;
    const webhookId = webhook.record.id;
    this.log.debug(
      {
        delivery_id: finished.deliveryId,
        webhook_id: webhookId,
        outcome: outcome.outcome,
        reason: outcome.reason,
        status_code: outcome.statusCode,
        detail: attempt.detail,
        redirect_host: attempt.redirectHost ?? undefined,
        ms: Math.round(attempt.durationMs),
      },
      "delivery.attempted",
    );
    if (outcome.outcome !== "delivered" && outcome.pauseMs !== null) {
      this.slots.pause(webhookId, outcome.pauseMs);
      const [first] = this.memberships;
      first?.store.pause(webhookId, outcome.pauseMs).catch((error: unknown) => {
        this.log.warn({ err: error, webhook_id: webhookId }, "webhook.pause_failed");
      });
    }
    if (outcome.outcome === "parked" && outcome.disable) {
      this.disabler.gone(webhookId, webhook.record.url);
    }
    alertOfAttempt(this.alerter, finished);
    this.options.onAttempt?.(finished);
  }

  /** Once with each heartbeat. */
  private async onBeat(membership: Membership): Promise<void> {
    const { queue } = membership.store;
    await this.sweep(queue);
    if (membership.ageMs < this.options.settings.ALERT_AGE) return;
    this.alerter.raise("queue.delayed", {
      queue,
      message: `the oldest event has waited on ${queue} for ${Math.round(membership.ageMs / 1_000)} s at least`,
    });
  }

  private async sweep(queue: string): Promise<void> {
    const limits = parkedLimits(this.options.settings);
    const { fallenOut } = await new ParkedStore(this.link, queue).upkeep(limits);
    if (fallenOut === 0) return;
    this.log.warn({ queue, deliveries: fallenOut }, "parked.fell_out");
    this.alerter.raise("parked.fell_out", {
      queue,
      message: "more deliveries are parked than FLUXHOOK_PARKED_MAX and _MAX_BYTES allow",
    });
  }
}

/** After the grace: enough to put back and to leave, not enough to hang on a dead Valkey. */
const END_MS = 5_000;
