// The bodies of an owner's last attempts, so that any of them can be redelivered (DESIGN §2.4). Found
// by the tag in the delivery's id.
import { tagOf } from "./delivery-id.ts";
import type { DeliveryHeader } from "./item.ts";
import type { SharedKeys } from "./keys.ts";
import type { Link } from "./link.ts";
import { addRecent, type RecentLimits } from "./recent-lists.ts";

/** A larger element is not kept; its redelivery answers that it is gone. */
export const MOST_KEPT_BYTES = 16 * 1024;

export interface KeptAttempt {
  header: DeliveryHeader;
  outcome: "delivered" | "retry" | "parked";
  /** The element's text; null where it is too large, or waits elsewhere (a retry). */
  element: string | null;
}

/** The same before it is written: only an owner's last attempts are worth the copy to a text. */
export interface AttemptToKeep extends Omit<KeptAttempt, "element"> {
  element: Buffer | string | null;
}

export class KeptStore {
  constructor(
    private readonly link: Link,
    private readonly keys: SharedKeys,
    private readonly limits: RecentLimits,
  ) {}

  /** The last attempt of a delivery, if it is among its owner's last ones. */
  async find(delivery: string): Promise<KeptAttempt | null> {
    const texts = await this.link.run((client) =>
      client.lrange(this.keys.kept(tagOf(delivery)), 0, -1),
    );
    for (const text of texts) {
      const kept = readKept(text);
      if (kept.header.delivery === delivery) return kept;
    }
    return null;
  }

  /** Adds attempts by the tag of their owner, the oldest first. Answers as `LogStore.write`. */
  async write(byTag: Iterable<readonly [string, readonly AttemptToKeep[]]>): Promise<number> {
    const lists = [...byTag].map(
      ([tag, attempts]) =>
        [this.keys.kept(tag), attempts.slice(-this.limits.size).map(keptText)] as const,
    );
    return addRecent(this.link, this.limits, lists);
  }
}

/** The element as it is behind the first line: as a JSON string it would be escaped each time. */
function keptText({ header, outcome, element }: AttemptToKeep): string | Buffer {
  const line = JSON.stringify({ header, outcome });
  if (element === null || Buffer.byteLength(element) > MOST_KEPT_BYTES) return line;
  return typeof element === "string"
    ? `${line}\n${element}`
    : Buffer.concat([Buffer.from(`${line}\n`), element]);
}

function readKept(text: string): KeptAttempt {
  const lineEnd = text.indexOf("\n");
  const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
  const { header, outcome } = JSON.parse(line) as Omit<KeptAttempt, "element">;
  return { header, outcome, element: lineEnd < 0 ? null : text.slice(lineEnd + 1) };
}
