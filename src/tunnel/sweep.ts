// Removes requests that have waited too long in sessions that no client polls, and the temporary webhooks of sessions
// that have ended. Every process sweeps; two at the same time do no harm.
import type { TunnelStore } from "../valkey/tunnel/tunnel-store.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import type { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import { isTemporaryOf } from "../control/temporary-webhook.ts";
import type { WorkerLog } from "../log.ts";

export interface SweepDeps {
  store: Pick<TunnelStore, "expireRequests" | "leftovers" | "forgetWebhook">;
  webhooks: Pick<WebhookStore, "get" | "delete">;
  log: WorkerLog;
}

/** Sweeps once. Never throws: the next sweep comes soon. */
export async function sweepSessions({ store, webhooks, log }: SweepDeps): Promise<void> {
  try {
    await store.expireRequests();
    for (const { id, webhookId } of await store.leftovers()) {
      const record = await webhooks.get(webhookId);
      if (record && isTemporaryOf(record, id)) await webhooks.delete(webhookId);
      await store.forgetWebhook(id);
      log.info({ webhook_id: webhookId }, "listen.expired");
    }
  } catch (error) {
    if (!(error instanceof ValkeyUnavailable)) log.error({ err: error }, "listen.sweep_failed");
  }
}
