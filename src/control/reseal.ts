// In the background after the start: what is stored in plain or under an older key is sealed under the
// first one, so that the older key can be taken out of FLUXHOOK_SECRET_KEY.
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import type { SealedPage, WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import type { WorkerLog } from "../worker-log.ts";

export interface SealStoredOptions {
  store: Pick<WebhookStore, "sealPage">;
  /** False when Valkey will not come back: this process ends. */
  whenUp: () => Promise<boolean>;
  log: WorkerLog;
}

const KEYS_MISSING = "FLUXHOOK_SECRET_KEY does not hold the keys that sealed them; add those keys";
/** Told after so many more, for whoever waits to remove a key. */
const TOLD_EVERY = 1_000;

/** Never throws. It ends with `secrets.sealed` and `done`, or `secrets.unreadable`. */
export async function sealStored({ store, whenUp, log }: SealStoredOptions): Promise<void> {
  let webhooks = 0;
  let unreadable = 0;
  let toldAt = 0;
  for (let after: string | null = null; await whenUp();) {
    try {
      const page: SealedPage = await store.sealPage(after);
      webhooks += page.sealed;
      unreadable += page.unreadable;
      after = page.next;
    } catch (error) {
      // After an outage the same page again: what is sealed already is passed over.
      if (error instanceof ValkeyUnavailable) continue;
      log.error({ err: error, webhooks }, "secrets.sealing_failed");
      return;
    }
    if (after === null) {
      if (unreadable === 0) log.info({ webhooks, done: true }, "secrets.sealed");
      else log.error({ webhooks, unreadable, hint: KEYS_MISSING }, "secrets.unreadable");
      return;
    }
    if (webhooks - toldAt >= TOLD_EVERY) {
      toldAt = webhooks;
      log.info({ webhooks, done: false }, "secrets.sealed");
    }
  }
}
