// How the attempts to each webhook went. Apart from the webhook's record, for it changes with every
// attempt and no worker has to hear of that.
import type { WebhookHealth } from "../../wire/webhook.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument } from "../connection/script.ts";
import healthText from "../scripts/health.lua" with { type: "text" };

const healthScript = new Script(healthText);

/** What a group of attempts to one webhook came to. */
export interface HealthChange {
  webhookId: string;
  /** Counted failures after the last success of the group, or all where it had none. */
  failures: number;
  succeeded: boolean;
  failed: boolean;
}

/** Where a webhook stands after a group. */
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

  /** Where each stands; null where its key holds something else. */
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

  keyOf(webhookId: string): string {
    return this.keys.health(webhookId);
  }

  /** A health that another program has damaged counts as none. */
  async read(webhookIds: readonly string[]): Promise<WebhookHealth[]> {
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

  async reset(webhookId: string): Promise<void> {
    await this.link.run((client) =>
      client.hdel(this.keys.health(webhookId), "consecutive_failures", "failing_since"),
    );
  }
}

/** The longest time that a date of JavaScript can hold has 16 digits. */
function rfc3339(ms: string | null | undefined): string | null {
  return /^\d{1,15}$/.test(ms ?? "") ? new Date(Number(ms)).toISOString() : null;
}

function noneOfWrongType(error: unknown): (string | null)[] {
  if (error instanceof Error && error.message.startsWith("WRONGTYPE ")) return [];
  throw error;
}
