// The bodies of an owner's last attempts, so that any of them can be redelivered (DESIGN §2.4). Found
// by the tag in the delivery's id.
import { tagOf } from "../queue/delivery-id.ts";
import { readObject } from "../foreign.ts";
import type { DeliveryHeader } from "../queue/item.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import type { RecentEntries } from "./recent-lists.ts";
import type { TextAndBytes } from "../connection/script.ts";

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
  element: Buffer | null;
}

export class BodyStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  /** The last attempt of a delivery, if it is among its owner's last ones. */
  async find(delivery: string): Promise<KeptAttempt | null> {
    const texts = await this.link.run((client) =>
      client.lrange(this.keys.kept(tagOf(delivery)), 0, -1),
    );
    for (const text of texts) {
      const kept = readKept(text);
      if (kept?.header.delivery === delivery) return kept;
    }
    return null;
  }

  /** As `addRecent` takes them, the oldest first; all of one owner. */
  entriesOf(attempts: readonly AttemptToKeep[]): RecentEntries {
    // The name of each delivery begins with the owner's tag.
    const tag = tagOf(attempts[0]?.header.delivery ?? "");
    return { key: this.keys.kept(tag), entries: attempts.map(keptEntry) };
  }
}

/** The element as it is behind the first line: as a JSON string it would be escaped each time. */
function keptEntry({ header, outcome, element }: AttemptToKeep): string | TextAndBytes {
  const line = JSON.stringify({ header, outcome });
  if (element === null || element.length > MOST_KEPT_BYTES) return line;
  return { text: `${line}\n`, bytes: element };
}

/** Null where somebody else has put there what is no kept attempt. */
function readKept(text: string): KeptAttempt | null {
  const lineEnd = text.indexOf("\n");
  const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
  const kept = readObject(Buffer.from(line));
  const { header, outcome } = (kept ?? {}) as Partial<Omit<KeptAttempt, "element">>;
  const { delivery, owner, webhook_id } = header ?? {};
  const isKept = [delivery, owner, webhook_id, outcome].every((one) => typeof one === "string");
  if (!isKept || !header || !outcome) return null;
  return { header, outcome, element: lineEnd < 0 ? null : text.slice(lineEnd + 1) };
}
