// Removes everything that Valkey keeps of an owner, when the user or the organisation leaves the application.
import type { ApiKeyStore } from "../valkey/tokens/api-key-store.ts";
import { TOKEN_END_KNOWN_MS, type TokenEnds } from "../valkey/tokens/token-ends.ts";
import type { BodyStore } from "../valkey/history/body-store.ts";
import type { FailureStore } from "../valkey/history/failure-store.ts";
import type { LogStore } from "../valkey/history/log-store.ts";
import type { ParkedStore } from "../valkey/queue/parked-store.ts";
import type { OwnerWebhooks } from "../valkey/webhooks/owner-webhooks.ts";
import type { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import type { OwnerRef } from "../wire/owner.ts";
import { MAX_TIMEOUT_MS } from "../wire/webhook.ts";

export interface EraseOptions {
  webhooks: WebhookStore;
  ownerWebhooks: OwnerWebhooks;
  apiKeys: ApiKeyStore;
  tokenEnds: TokenEnds;
  logs: LogStore;
  bodies: BodyStore;
  failures: FailureStore;
  /** One store for each queue. */
  parked: readonly ParkedStore[];
  /** The sessions of `fluxhook listen`. */
  sessions: { removeOf(owner: OwnerRef): Promise<number> };
  now: () => Date;
  /** How long other replicas may still accept the owner's tokens after they were ended; for tests with one process. */
  settleMs?: number;
  /** Called if what was still in flight could not be removed later. */
  onError: (error: unknown) => void;
}

export interface Erased {
  webhooks: number;
  parked: number;
  apiKeys: number;
  sessions: number;
}

/** An attempt that is in flight now ends within this, and is logged then. */
const IN_FLIGHT_MS = MAX_TIMEOUT_MS + 5_000;

/** A request whose token was accepted a moment before has ended within this. */
const REQUEST_MS = 100;

export class OwnerEraser {
  constructor(private readonly options: EraseOptions) {}

  /**
   * May be repeated, after a 503 too. Deliveries that wait for their next attempt end when they are due,
   * because their webhooks are gone.
   */
  async erase(owner: OwnerRef): Promise<Erased> {
    const { ownerWebhooks, apiKeys, tokenEnds, sessions, now } = this.options;
    // Tokens first, and on every replica: whoever holds one could create what is removed below.
    await tokenEnds.end(owner, now().getTime());
    await Bun.sleep(this.options.settleMs ?? TOKEN_END_KNOWN_MS + REQUEST_MS);
    const keys = await apiKeys.revokeAll(owner);
    const removedSessions = await sessions.removeOf(owner);
    const removed = await ownerWebhooks.deleteAll(owner);
    const parked = await this.forget(owner);
    setTimeout(() => void this.forgetLater(owner), IN_FLIGHT_MS).unref();
    return { webhooks: removed, parked, apiKeys: keys, sessions: removedSessions };
  }

  private async forget(owner: OwnerRef): Promise<number> {
    const { logs, bodies, failures, parked } = this.options;
    await logs.remove(owner);
    await bodies.removeOf(owner);
    await failures.removeOf(owner);
    const dropped = await Promise.all(parked.map((store) => store.dropOf(owner)));
    return dropped.reduce((sum, n) => sum + n, 0);
  }

  /** What was in flight has been logged or parked since, unless the owner has come back. */
  private async forgetLater(owner: OwnerRef): Promise<void> {
    try {
      if ((await this.options.webhooks.list(owner)).length === 0) await this.forget(owner);
    } catch (error) {
      this.options.onError(error);
    }
  }
}
