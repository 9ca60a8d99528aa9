// Puts the parts of the worker together: which store, limit and neighbour each of them gets.
import type { DeliverDeps } from "../delivery/deliver.ts";
import type { ChangeStream } from "../valkey/connection/change-stream.ts";
import type { Link } from "../valkey/connection/link.ts";
import { AttemptStreamStore } from "../valkey/history/attempt-stream-store.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import { addRecent } from "../valkey/history/recent-lists.ts";
import type { Stores } from "../valkey/stores.ts";
import { WebhookCache } from "../valkey/webhooks/webhook-cache.ts";
import type { EventLimits } from "../wire/event.ts";
import type { WorkerLog } from "../log.ts";
import type { Counters } from "../stats/counters.ts";
import { SeriesWriter } from "../stats/series-writer.ts";
import type { Alerter } from "../worker/after/alerts.ts";
import type { LoggedAttempts } from "../worker/after/after-attempt.ts";
import { AttemptStream } from "../worker/after/attempt-stream.ts";
import { AttemptLogger } from "../worker/after/attempt-log.ts";
import { Disabler } from "../worker/after/disable.ts";
import type { LiveFeed } from "../worker/after/live-feed.ts";
import { FailureLogger } from "../worker/after/failure-log.ts";
import { KeyProblems } from "../worker/after/key-problems.ts";
import { BatchSize } from "../worker/claim/batch-size.ts";
import { Claimer } from "../worker/claim/claimer.ts";
import { elementCut } from "../worker/claim/element-cut.ts";
import { ListState } from "../worker/claim/list-state.ts";
import { NextClaim } from "../worker/claim/next-claim.ts";
import type { FinishedAttempt } from "../worker/job.ts";
import type { RouteDeps } from "../worker/run/route.ts";
import { runBatch } from "../worker/run/run-batch.ts";
import { Slots } from "../worker/run/slots.ts";
import { Throughput } from "../worker/run/throughput.ts";
import { Capacity } from "../worker/settle/capacity.ts";
import { Claims } from "../worker/settle/claims.ts";
import { Heartbeat } from "../worker/settle/heartbeat.ts";
import { Rejecter } from "../worker/settle/reject.ts";
import { Upkeep, type UpkeepQueue } from "../worker/settle/upkeep.ts";
import { WakeUp } from "../worker/wake-up.ts";
import { Directory } from "../worker/webhooks/directory.ts";
import { prepareForEvents } from "../worker/webhooks/prepared-webhook.ts";
import { Worker } from "../worker/worker.ts";
import { describeWorker } from "./describe-worker.ts";

/** As the settings of the same names. */
export interface WorkerSettings {
  VALKEY_URL: string;
  CLAIM: "safe" | "blpop";
  CONCURRENCY: number;
  WEBHOOK_CONCURRENCY: number;
  LOG_SIZE: number;
  LOG_TTL: number;
  LOG_DETAIL: number;
  FAILURES_SIZE: number;
  ALERT_AGE: number;
  ATTEMPTS_STREAM?: string;
  ATTEMPTS_STREAM_MAX: number;
  LOG_ATTEMPTS: LoggedAttempts;
}

export interface WorkerOptions {
  settings: WorkerSettings;
  link: Link;
  stores: Stores;
  /** The worker opens and closes it. */
  changes: ChangeStream;
  egress: Pick<DeliverDeps, "guard" | "send">;
  limits: EventLimits;
  alerter: Alerter;
  counters: Counters;
  live: LiveFeed;
  traces: RouteDeps["attempts"]["traces"];
  /** Wakes the claimer. */
  claimerWakeUp: WakeUp;
  log: WorkerLog;
  /** Called after each attempt is settled. */
  onAttempt?: (attempt: FinishedAttempt) => void;
  leaseMs?: number;
  heartbeatMs?: number;
}

export function openWorker(options: WorkerOptions): Worker {
  const {
    settings,
    link,
    stores,
    changes,
    egress,
    limits,
    alerter,
    counters,
    live,
    claimerWakeUp,
    log,
  } = options;
  const heartbeatDue = new WakeUp();
  const state = { isDraining: false };
  const capacity = new Capacity(settings.CONCURRENCY, claimerWakeUp);

  const lists = stores.queues.map(() => new ListState());
  const upkeep = new Upkeep({
    queues: new Map(
      stores.queues.map(({ queue }, i) => [
        queue,
        { parked: stores.parked[i], list: lists[i] } as UpkeepQueue,
      ]),
    ),
    parkedLimits: stores.parkedLimits,
    alertAgeMs: settings.ALERT_AGE,
    alerter,
    counters,
    log,
  });
  const claims = stores.queues.map(
    (store) =>
      new Claims({
        store,
        capacity,
        link,
        log,
        claimer: claimerWakeUp,
        goesAlone: (via) => attemptLog.writeAlong(via),
        parkedSweep: upkeep,
        counters,
      }),
  );
  const slots = new Slots({
    concurrency: settings.CONCURRENCY,
    webhookConcurrency: settings.WEBHOOK_CONCURRENCY,
    lanes: {
      has: (webhookId) => claims.some(({ lanes }) => lanes.has(webhookId)),
      get size() {
        return claims.reduce((sum, { lanes }) => sum + lanes.size, 0);
      },
    },
    wakeUp: claimerWakeUp,
  });
  const throughput = new Throughput();
  const keyProblems = new KeyProblems(alerter, log);

  const disabler = new Disabler({ store: stores.webhooks, alerter, log, counters });
  const attemptLog = new AttemptLogger({
    logs: stores.logs,
    bodies: stores.bodies,
    write: async (entries, via = link) => {
      const startedAt = performance.now();
      const { LOG_SIZE: size, LOG_TTL: ttlMs } = settings;
      const unwritten = await addRecent(via, { size, ttlMs }, entries);
      counters.valkeyCall("record", performance.now() - startedAt);
      return unwritten;
    },
    health: stores.health,
    logSize: settings.LOG_SIZE,
    disabler,
    log,
    counters,
  });
  const stream =
    settings.ATTEMPTS_STREAM === undefined
      ? null
      : streamOfAttempts(settings.ATTEMPTS_STREAM, options);
  const size = settings.FAILURES_SIZE;
  const failureLog =
    size > 0 ? new FailureLogger({ store: stores.failures, size, log, counters }) : null;
  const rejecter = new Rejecter({ store: stores.rejected, link, alerter, log, counters });
  const cache = new WebhookCache({
    changes,
    store: stores.webhooks,
    compile: (record) => prepareForEvents(record, log),
  });
  const routes: RouteDeps = {
    limits,
    alerter,
    keyProblems,
    directory: new Directory(cache, alerter.ownWebhooks),
    rejecter,
    link,
    attempts: {
      slots,
      throughput,
      deliver: {
        guard: egress.guard,
        send: egress.send,
        now: Date.now,
        random: Math.random,
        detailBytes: settings.LOG_DETAIL,
      },
      after: {
        attemptLog,
        failureLog,
        disabler,
        alerter,
        pauses: stores.pauses,
        live,
        stream,
        logAttempts: settings.LOG_ATTEMPTS,
        counters,
        log,
        onAttempt: options.onAttempt,
      },
      traces: options.traces,
      log,
      running: new Map(),
      state,
    },
  };

  const cut = elementCut(limits.maxEventBytes);
  const nextClaims = claims.map(
    (one, i) =>
      new NextClaim({
        url: settings.VALKEY_URL,
        name: "fluxhook-wait",
        claims: one,
        list: lists[i] as ListState,
        mode: settings.CLAIM,
        cut,
        capacity,
        slots: i === 0 ? slots : null,
        run: (batch) => runBatch(batch, routes),
        wakeUp: claimerWakeUp,
        heartbeatDue,
        log,
      }),
  );
  const claimer = new Claimer({
    queues: claims.map((one, i) => ({
      claims: one,
      list: lists[i] as ListState,
      next: nextClaims[i] as NextClaim,
    })),
    mode: settings.CLAIM,
    capacity,
    slots,
    batchSize: new BatchSize(slots, throughput),
    cut,
    keyProblems,
    wakeUp: claimerWakeUp,
    heartbeatDue,
    link,
    log,
    counters,
  });
  const heartbeat = new Heartbeat({
    queues: claims,
    link,
    claimer: claimerWakeUp,
    due: heartbeatDue,
    upkeep,
    live,
    counters,
    describe: describeWorker({
      slots: settings.CONCURRENCY,
      capacity,
      running: routes.attempts.running,
      lists: new Map(claims.map(({ queue }, i) => [queue, lists[i] as ListState])),
    }),
    log,
    leaseMs: options.leaseMs,
    heartbeatMs: options.heartbeatMs,
  });
  const series = new SeriesWriter({
    window: counters.series,
    gauges: () => stores.series.gauges(),
    write: (write) => stores.series.add(write),
    isOutage: (error) => error instanceof ValkeyUnavailable,
    onRefused: (error) => log.warn({ err: error }, "series.failed"),
  });
  return new Worker({
    link,
    claims,
    nextClaims,
    claimer,
    capacity,
    slots,
    routes,
    rejecter,
    heartbeat,
    attemptLog,
    stream,
    changes,
    failureLog,
    series,
    cache,
    state,
    log,
  });
}

function streamOfAttempts(
  key: string,
  { settings, link, counters, log }: WorkerOptions,
): AttemptStream {
  const store = new AttemptStreamStore(link, key, settings.ATTEMPTS_STREAM_MAX);
  return new AttemptStream({
    write: (attempts) => store.add(attempts),
    onDropped: (attempts) => (counters.streamedAttemptsDropped += attempts),
    log,
  });
}
