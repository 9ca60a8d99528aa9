// What the API is given.
import type { ConfigControl } from "../control/config-document.ts";
import type { DeliveryInspector } from "../control/inspect-delivery.ts";
import type { OwnerEraser } from "../control/erase-owner.ts";
import type { Redelivery } from "../control/redelivery.ts";
import type { Search } from "../control/search.ts";
import type { ServiceStats } from "../control/service-stats.ts";
import type { WebhookControl } from "../control/webhooks.ts";
import type { Hub } from "../live/hub.ts";
import type { WorkflowControl } from "../control/workflows.ts";
import type { ExecutionControl } from "../inbound/execution-control.ts";
import type { Executions } from "../inbound/executions.ts";
import type { TunnelBroker } from "../tunnel/broker.ts";
import type { AlertStore } from "../valkey/history/alert-store.ts";
import type { AuditStore } from "../valkey/history/audit-store.ts";
import type { LogStore } from "../valkey/history/log-store.ts";
import type { QueueStore } from "../valkey/queue/queue-store.ts";
import type { RejectedStore } from "../valkey/queue/rejected-store.ts";
import type { Requeue } from "../valkey/queue/requeue.ts";
import type { EventTypeEntry } from "../wire/event-catalogue.ts";
import type { ApiKeyStore } from "../valkey/tokens/api-key-store.ts";
import type { TokenEnds } from "../valkey/tokens/token-ends.ts";
import type { LogEntry } from "../wire/log-entry.ts";
import type { NotReadyCause } from "../wire/not-ready.ts";
import type { HttpClass } from "../stats/counters.ts";
import type { WebhookRecord } from "../wire/webhook.ts";

/** The event of a test; `data` is the text of a JSON object. */
export interface TestEvent {
  id: string;
  type: string;
  data: string;
}

/** Every method may throw ValkeyUnavailable, which the API answers with 503. */
export interface ApiStores {
  webhooks: WebhookControl;
  config: ConfigControl;
  logs: LogStore;
  alerts: Pick<AlertStore, "list">;
  intake: QueueStore;
  rejected: RejectedStore;
  requeue: Requeue;
  search: Search;
  redelivery: Redelivery;
  inspector: DeliveryInspector;
  listen: TunnelBroker;
  workflows: WorkflowControl;
  apiKeys: ApiKeyStore;
  tokenEnds: TokenEnds;
  stats: ServiceStats;
  audit: AuditStore;
  eraser: OwnerEraser;
}

export interface ApiConfig {
  /** The first one signs tokens; each of them is accepted. */
  apiTokens: readonly string[];
  /** Web origins whose pages may call the API. If missing, none may. */
  corsOrigins?: readonly string[];
  maxEventBytes: number;
  eventTypes: "open" | ReadonlySet<string>;
  /** The operator's own event types; empty if there is no FLUXHOOK_EVENT_CATALOGUE. */
  eventCatalogue?: readonly EventTypeEntry[];
  /** The most that a request to a workflow may have. */
  maxWebhookBytes: number;
  /** How public URLs begin. If missing, they begin with the address that the request was sent to. */
  publicUrl?: string;
  /** The portal is served beside the API. */
  hasPortal?: boolean;
  version: string;
}

export interface ApiLog {
  error(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** `FLUXHOOK_METRICS`, `FLUXHOOK_METRICS_TOKEN`, and what a scrape gets. */
export interface ApiMetrics {
  access: "token" | "open" | "off";
  token: string | undefined;
  /** Loaded with the first scrape. */
  expose: () => Promise<{ text: string; contentType: string }>;
  count: (httpClass: HttpClass, status: number, ms: number) => void;
}

export interface ApiDeps {
  stores: ApiStores;
  /** Sends one event to the webhook now, once, and logs the attempt for its owner. */
  sendTest: (webhook: WebhookRecord, event: TestEvent) => Promise<LogEntry>;
  /** Opens the running half of workflows, once. */
  executions: () => Promise<Executions>;
  executionControl: Pick<ExecutionControl, "list" | "json" | "retry" | "cancel">;
  /** Who looks at the stream of attempts. */
  live: Pick<Hub, "open">;
  config: ApiConfig;
  /** If missing, there is no `GET /metrics`. */
  metrics?: ApiMetrics;
  /** Why no work gets done; empty if this process is ready. */
  notReadyCauses: () => NotReadyCause[];
  now: () => Date;
  log: ApiLog;
}
