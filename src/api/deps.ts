// What the API is given.
import type { Guard } from "../delivery/guard/guard.ts";
import type { TunnelBroker } from "../tunnel/broker.ts";
import type { Redelivery } from "../control/redelivery.ts";
import type { WebhookControl } from "../control/webhooks.ts";
import type { LogStore } from "../valkey/history/log-store.ts";
import type { QueueStore } from "../valkey/queue/queue-store.ts";
import type { RejectedStore } from "../valkey/queue/rejected-store.ts";
import type { Requeue } from "../valkey/queue/requeue.ts";
import type { NotReadyCause } from "../wire/not-ready.ts";
import type { LogEntry } from "../wire/log-entry.ts";
import type { WebhookRecord } from "../wire/webhook.ts";

/** Every method may throw ValkeyUnavailable; the API answers it with 503. */
export interface ApiStores {
  webhooks: Pick<WebhookControl, keyof WebhookControl>;
  logs: Pick<LogStore, "read">;
  intake: Pick<QueueStore, "push">;
  rejected: Pick<RejectedStore, "list">;
  requeue: Pick<Requeue, "oldest" | "named">;
  redelivery: Pick<Redelivery, "one" | "byFilter" | "dryRun" | "listParked" | "summary">;
  listen: Pick<TunnelBroker, "create" | "find" | "poll" | "answer" | "remove" | "sessionTtlMs">;
}

export interface ApiConfig {
  apiToken: string;
  /** Web origins that may call from a browser; none where it is missing. */
  corsOrigins?: readonly string[];
  maxEventBytes: number;
  eventTypes: "open" | ReadonlySet<string>;
  /** What URLs for outsiders begin with; else the address that the request came to. */
  publicUrl?: string;
  /** The schedule of new webhooks where FLUXHOOK_RETRY_SCHEDULE is set; else their dialect's. */
  retrySchedule?: readonly string[];
  version: string;
}

export interface ApiLog {
  error(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

export interface ApiDeps {
  stores: ApiStores;
  /** Judges a url at saving as deliveries will. */
  guard: Guard;
  /** Sends one event `webhook.test` to the webhook now, once; its owner's log gets the attempt too. */
  sendTest: (webhook: WebhookRecord, eventId: string) => Promise<LogEntry>;
  config: ApiConfig;
  /** Why no work gets done; empty where this process is ready. */
  notReadyCauses: () => NotReadyCause[];
  now: () => Date;
  log: ApiLog;
}
