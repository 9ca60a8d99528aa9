// Keeps the health of each webhook: how its attempts went. It is not in the webhook's record, because it changes
// with every attempt, and workers need not be notified of that.
import type { WebhookId } from "../../wire/ids.ts";
import type { WebhookHealth } from "../../wire/webhook.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument } from "../connection/script.ts";
import healthText from "../scripts/health.lua" with { type: "text" };

const healthScript = new Script(healthText);

/** The results of a group of attempts to one webhook. */
export interface HealthChange {
  webhookId: WebhookId;
  /** Failures after the last success of the group, or all failures if it had no success. */
  failures: number;
  succeeded: boolean;
  failed: boolean;
}

/** The health of a webhook after a group of attempts. */
export interface HealthState {
  failuresBefore: number;
  consecutiveFailures: number;
  failingForMs: number;
}

/** Longer than the longest `failing_for` of a disable rule. */
const TTL_MS = 60 * 86_400_000;

export class HealthStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  /** Adds results. Returns the health of each webhook; null if its key has another type. */
  async add(changes: readonly HealthChange[]): Promise<(HealthState | null)[]> {
    const args: ScriptArgument[] = [TTL_MS];
    for (const change of changes) {
      args.push(change.failures, change.succeeded ? "1" : "0", change.failed ? "1" : "0");
    }
    const keys = changes.map((change) => this.keys.health(change.webhookId));
    const reply = (await this.link.run((client) => healthScript.run(client, keys, args))) as (
      [number, number, number] | number
    )[];
    return reply.map((state) => {
      if (typeof state === "number") return null;
      const [failuresBefore, consecutiveFailures, failingForMs] = state;
      return { failuresBefore, consecutiveFailures, failingForMs };
    });
  }

  keyOf(webhookId: WebhookId): string {
    return this.keys.health(webhookId);
  }

  /** Returns the health of each webhook. A value that another program damaged counts as missing. */
  async read(webhookIds: readonly WebhookId[]): Promise<WebhookHealth[]> {
    return this.link.run((client) =>
      Promise.all(
        webhookIds.map(async (id) => {
          const [success, failure, failures] = await client
            .hmget(
              this.keys.health(id),
              "last_success_at",
              "last_failure_at",
              "consecutive_failures",
            )
            .catch(noneOfWrongType);
          return {
            last_success_at: rfc3339(success),
            last_failure_at: rfc3339(failure),
            consecutive_failures: /^\d{1,15}$/.test(failures ?? "") ? Number(failures) : 0,
          };
        }),
      ),
    );
  }

  async reset(webhookId: WebhookId): Promise<void> {
    await this.link.run((client) =>
      client.hdel(this.keys.health(webhookId), "consecutive_failures", "failing_since"),
    );
  }
}

/** JavaScript's largest date has 16 digits, so 15 are always valid. */
function rfc3339(ms: string | null | undefined): string | null {
  return /^\d{1,15}$/.test(ms ?? "") ? new Date(Number(ms)).toISOString() : null;
}

function noneOfWrongType(error: unknown): (string | null)[] {
  if (error instanceof Error && error.message.startsWith("WRONGTYPE ")) return [];
  throw error;
}
