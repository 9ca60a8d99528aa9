// Assembles the service's side of `fluxhook listen`.
import { TunnelBroker } from "./broker.ts";
import type { TunnelStoreOptions } from "../valkey/tunnel/tunnel-store.ts";
import type { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import type { WorkerLog } from "../log.ts";
import { createPublicUrlHandler, type PublicUrlHandler } from "./public-url.ts";
import { withSessions, type Sending } from "./divert.ts";
import { sweepSessions } from "./sweep.ts";

export interface TunnelOptions {
  settings: { VALKEY_URL: string; PREFIX: string };
  egress: Sending;
  webhooks: Pick<WebhookStore, "get" | "delete">;
  log: WorkerLog;
  limits?: TunnelStoreOptions;
}

export interface Tunnel {
  /** Replaces the given egress for deliveries. */
  egress: Sending;
  /** Answers requests to public URLs of sessions; returns null for any other request. */
  publicUrl: PublicUrlHandler;
  broker: TunnelBroker;
  open(): void;
  /** Answers callers that wait with 202, before the server stops: their requests stay in the session. */
  release(): Promise<void>;
  close(): void;
}

/** Well before the first retry, so that the retry finds the webhook deleted. */
const SWEEP_EVERY_MS = 10_000;

export function createTunnel(options: TunnelOptions): Tunnel {
  const { settings, egress, webhooks, log, limits = {} } = options;
  const broker = new TunnelBroker({
    url: settings.VALKEY_URL,
    prefix: settings.PREFIX,
    onError: (error) => log.error({ err: error }, "listen.failed"),
    ...limits,
  });
  let sweeping: Timer | null = null;
  return {
    egress: withSessions(egress, broker),
    publicUrl: createPublicUrlHandler(broker, (error) =>
      log.error({ err: error }, "listen.failed"),
    ),
    broker,
    open() {
      broker.open();
      sweeping = setInterval(() => {
        void sweepSessions({ store: broker.store, webhooks, log });
      }, SWEEP_EVERY_MS);
    },
    release: () => broker.release(),
    close() {
      if (sweeping) clearInterval(sweeping);
      broker.close();
    },
  };
}
