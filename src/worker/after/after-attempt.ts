// What follows an attempt once its settlement is on its way: its log entry and the webhook's health, the
// pause that its receiver asked for, a webhook that is disabled, an alert. Guarantee 8: nothing here is
// waited for, and what fails costs no delivery.
import type { Counters } from "../../stats/counters.ts";
import { MAX_STORED_BODY_BYTES } from "../../valkey/history/body-store.ts";
import type { DeliveryHeader } from "../../valkey/queue/item.ts";
import type { WorkerLog } from "../../log.ts";
import type { FinishedAttempt } from "../job.ts";
import { alertOfAttempt } from "./alert-of-attempt.ts";
import type { Alerter } from "./alerts.ts";
import type { AttemptLogger } from "./attempt-log.ts";
import type { AttemptStream } from "./attempt-stream.ts";
import type { Disabler } from "./disable.ts";
import type { LiveFeed } from "./live-feed.ts";
import { describeAttempt } from "./describe-attempt.ts";
import type { FailureLogger } from "./failure-log.ts";
import { logEntryOf } from "./log-entry.ts";

/** `FLUXHOOK_LOG_ATTEMPTS` */
export type LoggedAttempts = "none" | "failed" | "all";

export interface AfterDeps {
  attemptLog: AttemptLogger;
  /** Null: failed attempts are not kept apart (`FLUXHOOK_FAILURES_SIZE=0`). */
  failureLog: FailureLogger | null;
  disabler: Disabler;
  alerter: Alerter;
  pauses: { pause(webhookId: string, forMs: number): Promise<void> };
  live: Pick<LiveFeed, "isWatched" | "add">;
  /** Null if the application has no stream of attempts. */
  stream: Pick<AttemptStream, "add"> | null;
  /** Which attempts have a line at the level `info`; the others have theirs at `debug`. */
  logAttempts: LoggedAttempts;
  counters?: Counters;
  log: WorkerLog;
  /** For `fluxhook dev`, which prints attempts as they are made. */
  onAttempt?: (attempt: FinishedAttempt) => void;
}

export function afterAttempt(finished: FinishedAttempt, deps: AfterDeps): void {
  if (deps.counters) countAttempt(finished, deps.counters);
  logAttempt(finished, deps);
  reportAttempt(finished, deps);
  pauseWebhook(finished, deps);
  const { job, attempt } = finished;
  const { outcome } = attempt;
  if (outcome.outcome === "parked" && outcome.disable) {
    deps.disabler.gone(job.webhook.record.id, job.webhook.record.url);
  }
  alertOfAttempt(deps.alerter, finished);
  if (deps.live.isWatched) deps.live.add(finished);
  deps.stream?.add(finished);
  deps.onAttempt?.(finished);
}

function countAttempt({ job, attempt }: FinishedAttempt, counters: Counters): void {
  const { outcome, durationMs } = attempt;
  const { claim, header, event, webhook } = job;
  const startedAt = performance.now() - durationMs;
  counters.attempt({
    outcome: outcome.outcome,
    reason: outcome.reason,
    dialect: header.dialect ?? webhook.record.dialect,
    durationMs,
    waitMs: startedAt - (claim.claimedAtMs ?? startedAt),
  });
  if (header.attempt === 1 && event.timestamp !== undefined) {
    counters.firstAttempt(event.timestamp, attempt.startedAtMs);
  }
}

/** The owner's log and the webhook's health. */
function logAttempt(
  { job, deliveryId, attempt }: FinishedAttempt,
  { attemptLog, failureLog }: Pick<AfterDeps, "attemptLog" | "failureLog">,
): void {
  const { outcome } = attempt;
  const health =
    outcome.outcome === "delivered"
      ? "success"
      : outcome.countsTowardsDisabling
        ? "failure"
        : "ignored";
  // What waits to be written holds no more than it needs: not the claim, and of the event what will be stored.
  const { bytes: all } = job.claim;
  const bytes = all !== null && all.length > MAX_STORED_BODY_BYTES ? null : all;
  const { header } = job;
  const eventType = job.event.type;
  const { record, owner } = job.webhook;
  const webhookId = record.id;
  const waitFor = attempt.transcript?.whenComplete ?? null;
  const toEntry = () =>
    logEntryOf({
      deliveryId,
      webhookId,
      eventId: header.id,
      eventType,
      attempt: header.attempt,
      result: attempt,
    });
  const toDetail = () => describeAttempt(attempt, record) ?? undefined;
  attemptLog.add({
    owner,
    webhookId,
    health,
    waitFor,
    toEntry: () => ({
      entry: toEntry(),
      body: { ...bodyToKeep(header, outcome.outcome, bytes), detail: toDetail() },
    }),
  });
  if (outcome.outcome === "delivered" || failureLog === null) return;
  failureLog.add({
    tag: job.webhook.ownerTag,
    webhookId,
    waitFor,
    toFailure: () => ({ header, entry: toEntry(), detail: toDetail(), element: bytes }),
  });
}

function bodyToKeep(
  header: DeliveryHeader,
  outcome: "delivered" | "retry" | "parked",
  bytes: Buffer | null,
) {
  // A retry's bytes are in the schedule.
  return { header, outcome, element: outcome === "retry" ? null : bytes };
}

/** The process's own log. */
function reportAttempt(
  { job, deliveryId, attempt }: FinishedAttempt,
  { log, logAttempts }: AfterDeps,
): void {
  const { outcome } = attempt;
  const line = {
    delivery_id: deliveryId,
    webhook_id: job.webhook.record.id,
    event_id: job.header.id,
    event_type: job.event.type,
    attempt: job.header.attempt,
    outcome: outcome.outcome,
    reason: outcome.reason,
    status_code: outcome.statusCode,
    detail: attempt.detail,
    redirect_host: attempt.redirectHost ?? undefined,
    ms: Math.round(attempt.durationMs),
  };
  const isWanted =
    logAttempts === "all" || (logAttempts === "failed" && outcome.outcome !== "delivered");
  if (isWanted) log.info(line, "delivery.attempted");
  else log.debug(line, "delivery.attempted");
}

/** `Retry-After`: other workers send nothing to the webhook either. */
function pauseWebhook({ job, attempt }: FinishedAttempt, { pauses, log }: AfterDeps): void {
  const { outcome } = attempt;
  if (outcome.outcome === "delivered" || outcome.pauseMs === null) return;
  const webhookId = job.webhook.record.id;
  pauses.pause(webhookId, outcome.pauseMs).catch((error: unknown) => {
    log.warn({ err: error, webhook_id: webhookId }, "webhook.pause_failed");
  });
}
