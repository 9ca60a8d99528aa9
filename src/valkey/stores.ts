// Opens every store of a process over one link.
import type { StoreLink } from "./connection/link.ts";
import { AlertStore } from "./history/alert-store.ts";
import { AuditStore } from "./history/audit-store.ts";
import { BodyStore } from "./history/body-store.ts";
import { LiveStore } from "./history/live-store.ts";
import { FailureStore } from "./history/failure-store.ts";
import { SeriesStore } from "./history/series-store.ts";
import { StatsStore } from "./history/stats-store.ts";
import { DisabledIndex } from "./webhooks/disabled-index.ts";
import { ExecutionStore } from "./inbound/execution-store.ts";
import { LogStore } from "./history/log-store.ts";
import { WorkflowStore, type WorkflowStoreOptions } from "./inbound/workflow-store.ts";
import { inboundKeys, sharedKeys, type SharedKeys } from "./keys.ts";
import { ParkedStore, type ParkedLimits } from "./queue/parked-store.ts";
import { PauseStore } from "./queue/pause-store.ts";
import { QueueStore } from "./queue/queue-store.ts";
import { RejectedStore } from "./queue/rejected-store.ts";
import { Requeue } from "./queue/requeue.ts";
import { OwnerWebhooks } from "./webhooks/owner-webhooks.ts";
import { ApiKeyStore } from "./tokens/api-key-store.ts";
import { TokenEnds } from "./tokens/token-ends.ts";
import { HealthStore } from "./webhooks/health-store.ts";
import type { Unreadable } from "./webhooks/sealed-webhook.ts";
import { SecretBox } from "./webhooks/secret-box.ts";
import { WebhookStore } from "./webhooks/webhook-store.ts";
import type { WebhookRecord } from "../wire/webhook.ts";

/** The settings of the same names. */
export interface StoreSettings {
  PREFIX: string;
  QUEUE: readonly string[];
  SECRET_KEY: ConstructorParameters<typeof SecretBox>[0];
  LOG_SIZE: number;
  LOG_TTL: number;
  FAILURES_SIZE: number;
  REJECTED_MAX: number;
  REJECTED_TTL: number;
  PARKED_MAX: number;
  PARKED_MAX_BYTES: number;
  PARKED_TTL: number;
  WORKFLOWS_MAX: number;
  EXECUTION_TTL: number;
  EXECUTIONS_MAX: number;
  EXECUTIONS_MAX_BYTES: number;
  IDEMPOTENCY_TTL: number;
}

export interface Stores {
  keys: SharedKeys;
  /** One for each of `FLUXHOOK_QUEUE`, in its order. */
  queues: readonly QueueStore[];
  /** The first queue: `POST /v1/events`, alerts and redeliveries push onto it. */
  intake: QueueStore;
  parked: readonly ParkedStore[];
  parkedLimits: ParkedLimits;
  pauses: PauseStore;
  rejected: RejectedStore;
  requeue: Requeue;
  webhooks: WebhookStore;
  ownerWebhooks: OwnerWebhooks;
  health: HealthStore;
  logs: LogStore;
  bodies: BodyStore;
  failures: FailureStore;
  series: SeriesStore;
  stats: StatsStore;
  disabledWebhooks: DisabledIndex;
  alerts: AlertStore;
  live: LiveStore;
  workflows: WorkflowStore;
  apiKeys: ApiKeyStore;
  tokenEnds: TokenEnds;
  executions: ExecutionStore;
  audit: AuditStore;
}

/** Calls `onUnreadable` once for each webhook that cannot be decrypted here, and again after it was changed. */
export function openStores(
  link: StoreLink,
  settings: StoreSettings,
  onUnreadable?: (record: WebhookRecord, unreadable: Unreadable) => void,
  onUnreadableWorkflow?: WorkflowStoreOptions["onUnreadable"],
): Stores {
  const keys = sharedKeys(settings.PREFIX);
  const box = new SecretBox(settings.SECRET_KEY);
  const queues = settings.QUEUE.map((queue) => new QueueStore(link, queue));
  const [intake] = queues;
  if (!intake) throw new Error("FLUXHOOK_QUEUE names no list");
  return {
    keys,
    queues,
    intake,
    parked: settings.QUEUE.map((queue) => new ParkedStore(link, queue)),
    parkedLimits: {
      maxDeliveries: settings.PARKED_MAX,
      maxBytes: settings.PARKED_MAX_BYTES,
      ttlMs: settings.PARKED_TTL,
    },
    pauses: new PauseStore(link, settings.QUEUE),
    rejected: new RejectedStore(link, keys, {
      max: settings.REJECTED_MAX,
      ttlMs: settings.REJECTED_TTL,
    }),
    requeue: new Requeue(link, keys, settings.QUEUE),
    webhooks: new WebhookStore(link, keys, { box, onUnreadable }),
    ownerWebhooks: new OwnerWebhooks(link, keys, box),
    health: new HealthStore(link, keys),
    logs: new LogStore(link, keys, { size: settings.LOG_SIZE, ttlMs: settings.LOG_TTL }),
    bodies: new BodyStore(link, keys),
    failures: new FailureStore(link, keys, {
      size: settings.FAILURES_SIZE,
      ttlMs: settings.LOG_TTL,
    }),
    series: new SeriesStore(link, keys, settings.QUEUE),
    stats: new StatsStore(link, keys, settings.QUEUE),
    disabledWebhooks: new DisabledIndex(link, keys),
    alerts: new AlertStore(link, keys),
    live: new LiveStore(link, keys, {
      attempts: settings.QUEUE,
      executions: [inboundKeys(settings.PREFIX).queue],
    }),
    workflows: new WorkflowStore(link, settings.PREFIX, {
      box,
      maxWorkflows: settings.WORKFLOWS_MAX,
      unusedRevisionMs: settings.EXECUTION_TTL,
      onUnreadable: onUnreadableWorkflow,
    }),
    apiKeys: new ApiKeyStore(link, keys),
    tokenEnds: new TokenEnds(link, keys),
    executions: new ExecutionStore(link, settings.PREFIX, {
      maxExecutions: settings.EXECUTIONS_MAX,
      maxBytes: settings.EXECUTIONS_MAX_BYTES,
      ttlMs: settings.EXECUTION_TTL,
      idempotencyTtlMs: settings.IDEMPOTENCY_TTL,
    }),
    audit: new AuditStore(link, keys),
  };
}
