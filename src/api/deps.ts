// What the API needs from outside. `serve` gives it stores on Valkey, its tests give it others.
import type { Guard } from "../delivery/guard/guard.ts";
import type { ListenLine } from "../tunnel/broker.ts";
import type { Redelivery } from "../control/redelivery.ts";
import type { Requeued } from "../valkey/queue/requeue.ts";
import type { NotReadyCause } from "../worker/progress.ts";
import type { OwnerRef } from "../wire/owner.ts";
import type { LogEntry } from "../wire/log-entry.ts";
import type { WebhookHealth, WebhookRecord } from "../wire/webhook.ts";

/** Every method may throw ValkeyUnavailable; the API answers it with 503. */
export interface ApiStores {
  webhooks: WebhookStore;
  logs: { read(owner: OwnerRef): Promise<LogEntry[]> };
  intake: IntakeStore;
  rejected: RejectedElements;
  redelivery: Pick<Redelivery, "one" | "byFilter" | "dryRun" | "listParked" | "summary">;
  listen: Pick<ListenLine, "create" | "find" | "poll" | "answer" | "remove" | "sessionTtlMs">;
}

export interface WebhookStore {
  create(record: WebhookRecord): Promise<WebhookCreated>;
  get(id: string): Promise<WebhookRecord | null>;
  /** Oldest first. */
  list(owner: OwnerRef): Promise<WebhookRecord[]>;
  /**
   * `change` must be pure: it runs again when somebody else changed the webhook meanwhile. With
   * another url the pause ends that the receiver at the old one has asked for.
   */
  update(id: string, change: (current: WebhookRecord) => WebhookRecord): Promise<WebhookUpdated>;
  /** False where there was none. */
  delete(id: string): Promise<boolean>;
  /** One for each id, in their order. */
  health(ids: string[]): Promise<WebhookHealth[]>;
  /** For a webhook that is switched on: a pause that its receiver has asked for ends too. */
  resetHealth(id: string): Promise<void>;
}

export type WebhookCreated =
  | { created: true }
  | { created: false; why: "full" }
  | { created: false; why: "duplicate"; id: string };

export type WebhookUpdated =
  | { updated: WebhookRecord }
  | { updated: null; why: "missing" }
  /** Its record was damaged in Valkey. */
  | { updated: null; why: "unreadable" }
  | { updated: null; why: "duplicate"; id: string };

export interface IntakeStore {
  /**
   * Puts all elements on the list or none. With a key that was seen before and the same
   * fingerprint it pushes nothing and answers the ids of the first time.
   */
  push(
    elements: string[],
    idempotency: { key: string; fingerprint: string } | null,
    ids: string[],
  ): Promise<{ pushed: true; ids: string[] } | { pushed: false; why: "key-reused" }>;
}

export interface RejectedElements {
  list(cursor: string | null, limit: number): Promise<RejectedPage>;
  requeue(which: readonly string[] | "all", limit: number): Promise<Requeued>;
}

export interface RejectedPage {
  rejected: unknown[];
  next: string | null;
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
