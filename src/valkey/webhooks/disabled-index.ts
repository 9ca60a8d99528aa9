// Which webhooks are disabled, so that nobody has to look at all of them. Every change of a webhook updates the
// index. What an earlier version changes beside this one is found by a walk over all webhooks, once a day.
import type { OwnerRef } from "../../wire/owner.ts";
import type { WebhookId } from "../../wire/ids.ts";
import type { StoreLink } from "../connection/link.ts";
import type { SharedKeys } from "../keys.ts";
import { readStoredWebhook } from "./sealed-webhook.ts";

const WALK_EVERY_S = 86_400;
/** Between two pages, other commands run. */
const WALKED_AT_ONCE = 200;

/** What is stored of a webhook, as far as the index needs it. */
interface State {
  id: string;
  enabled: boolean;
  /** RFC 3339: when it was changed last. */
  updated_at: string;
}

/** Updates the index after a change. */
export async function indexDisabled(
  link: StoreLink,
  keys: SharedKeys,
  changed: readonly State[],
  deleted: readonly string[] = [],
): Promise<void> {
  const enabled = [...changed.filter((one) => one.enabled).map(({ id }) => id), ...deleted];
  const disabled = changed.filter((one) => !one.enabled);
  if (enabled.length + disabled.length === 0) return;
  await link.run(async (client) => {
    const pipeline = client.pipeline();
    if (enabled.length > 0) pipeline.zrem(keys.disabledWebhooks, ...enabled);
    if (disabled.length > 0) pipeline.zadd(keys.disabledWebhooks, ...disabled.flatMap(scored));
    // The index is no part of the change, which is made: a key that holds something else costs only the index.
    await pipeline.exec();
  });
}

export class DisabledIndex {
  private walking: Promise<void> | null = null;

  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  /** Returns the ids of those that were disabled last. */
  newest(max: number): Promise<WebhookId[]> {
    return this.link.run((client) =>
      client.zrevrange(this.keys.disabledWebhooks, 0, max - 1),
    ) as Promise<WebhookId[]>;
  }

  /** Completes the index, at most once a day for all processes. */
  complete(): Promise<void> {
    this.walking ??= this.walkIfDue().finally(() => (this.walking = null));
    return this.walking;
  }

  private async walkIfDue(): Promise<void> {
    const marker = `${this.keys.disabledWebhooks}:complete`;
    const isMine = await this.link.run((client) =>
      client.set(marker, "1", "EX", WALK_EVERY_S, "NX"),
    );
    if (isMine !== "OK") return;
    try {
      await this.walk();
    } catch (error) {
      // Another look begins again.
      await this.link.run((client) => client.del(marker)).catch(() => 0);
      throw error;
    }
  }

  private async walk(): Promise<void> {
    for (let cursor = "0", isFirst = true; isFirst || cursor !== "0"; isFirst = false) {
      const [next, found] = await this.link.run((client) =>
        client.hscan(this.keys.webhookOwners, cursor, "COUNT", WALKED_AT_ONCE),
      );
      cursor = next;
      const texts = await this.read(found);
      const states = texts.map((text) => (text === null ? null : readStoredWebhook(text)));
      await indexDisabled(
        this.link,
        this.keys,
        states.filter((state) => state !== null),
      );
    }
  }

  /** `found`: ids and owners in turn. */
  private async read(found: readonly string[]): Promise<(string | null)[]> {
    if (found.length === 0) return [];
    const replies = await this.link.run(async (client) => {
      const pipeline = client.pipeline();
      for (let at = 0; at + 1 < found.length; at += 2) {
        pipeline.hget(this.keys.webhooks(found[at + 1] as OwnerRef), found[at] ?? "");
      }
      return (await pipeline.exec()) ?? [];
    });
    return replies.map(([, text]) => (typeof text === "string" ? text : null));
  }
}

function scored({ id, updated_at }: State): [number, string] {
  return [Date.parse(updated_at) || 0, id];
}
