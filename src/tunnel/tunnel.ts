// The service's side of `fluxhook listen`, put together.
import { ListenLine } from "./broker.ts";
import type { ListenStoreOptions } from "../valkey/tunnel/tunnel-store.ts";
import type { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import type { WorkerLog } from "../worker-log.ts";
import { createDoor, type Door } from "./public-url.ts";
import { withSessions, type Sending } from "./divert.ts";
import { sweepSessions } from "./sweep.ts";

export interface ListeningOptions {
  settings: { VALKEY_URL: string; PREFIX: string };
  egress: Sending;
  webhooks: Pick<WebhookStore, "get" | "delete">;
  log: WorkerLog;
  limits?: ListenStoreOptions;
}

export interface Listening {
  /** For deliveries, in place of the one that was given. */
  egress: Sending;
  door: Door;
  line: ListenLine;
  open(): void;
  /** Tells callers who wait for an answer that their request is kept, before the server ends. */
  release(): Promise<void>;
  close(): void;
}

/** Long before the first retry, so that this one finds the webhook deleted. */
const SWEEP_EVERY_MS = 10_000;

export function createListening(options: ListeningOptions): Listening {
  const { settings, egress, webhooks, log, limits = {} } = options;
  const line = new ListenLine({
    url: settings.VALKEY_URL,
    prefix: settings.PREFIX,
    onError: (error) => log.error({ err: error }, "listen.failed"),
    ...limits,
  });
  let sweeping: Timer | null = null;
  return {
    egress: withSessions(egress, line),
    door: createDoor(line, (error) => log.error({ err: error }, "listen.failed")),
    line,
    open() {
      line.open();
      sweeping = setInterval(() => {
        void sweepSessions({ store: line.store, webhooks, log });
      }, SWEEP_EVERY_MS);
    },
    release: () => line.release(),
    close() {
      if (sweeping) clearInterval(sweeping);
      line.close();
    },
  };
}
