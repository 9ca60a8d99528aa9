// Changes webhooks for users, with the rules that apply to every change: a new url ends a pause, and enabling resets
// the health. Every edge that serves users calls it (the API, the dashboard). The changes of a record itself are in
// webhook-changes.ts, which the worker uses too.
import type { PauseStore } from "../valkey/queue/pause-store.ts";
import type { HealthStore } from "../valkey/webhooks/health-store.ts";
import type {
  WebhookCreated,
  WebhookStore,
  WebhookUpdated,
} from "../valkey/webhooks/webhook-store.ts";
import type { OwnerRef } from "../wire/owner.ts";
import type { WebhookHealth, WebhookRecord } from "../wire/webhook.ts";

export interface WebhookControlOptions {
  webhooks: WebhookStore;
  health: HealthStore;
  pauses: PauseStore;
}

/** Every method may throw ValkeyUnavailable. */
export class WebhookControl {
  constructor(private readonly stores: WebhookControlOptions) {}

  create(record: WebhookRecord): Promise<WebhookCreated> {
    return this.stores.webhooks.create(record);
  }

  get(id: string): Promise<WebhookRecord | null> {
    return this.stores.webhooks.get(id);
  }

  /** Returns an owner's webhooks, the oldest first. */
  list(owner: OwnerRef): Promise<WebhookRecord[]> {
    return this.stores.webhooks.list(owner);
  }

  /**
   * Changes a webhook. `change` must be pure: it runs again if the webhook was changed meanwhile. A new url ends
   * the pause that the receiver at the old url asked for.
   */
  async update(
    id: string,
    change: (current: WebhookRecord) => WebhookRecord,
  ): Promise<WebhookUpdated> {
    let before: string | null = null;
    const result = await this.stores.webhooks.update(id, (current) => {
      before = current.url;
      return change(current);
    });
    if (result.updated && result.updated.url !== before) await this.stores.pauses.end(id);
    return result;
  }

  /** Resets a webhook that is enabled again: no failures and no pause remain. */
  async resetHealth(id: string): Promise<void> {
    await this.stores.health.reset(id);
    await this.stores.pauses.end(id);
  }

  /** Deletes a webhook; returns false if there was none. */
  delete(id: string): Promise<boolean> {
    return this.stores.webhooks.delete(id);
  }

  /** Returns the health of each id, in the same order. */
  health(ids: readonly string[]): Promise<WebhookHealth[]> {
    return this.stores.health.read(ids);
  }
}
