// Stores the bodies of an owner's last attempts, so that each can be redelivered (docs/design.md, "Keys").
// The tag in a delivery's id leads to its owner's list.
import { tagOf } from "../queue/delivery-id.ts";
import { readObject } from "../foreign.ts";
import type { DeliveryHeader } from "../queue/item.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import type { RecentEntries } from "./recent-lists.ts";
import type { TextAndBytes } from "../connection/script.ts";
import type { DeliveryName } from "../../wire/ids.ts";

/** A larger element is not stored; its delivery cannot be redelivered from here (410). */
export const MAX_STORED_BODY_BYTES = 16 * 1024;

export interface StoredAttempt {
  header: DeliveryHeader;
  outcome: "delivered" | "retry" | "parked";
  /** The element's text; null if it is too large, or is stored elsewhere (a retry). */
  element: string | null;
}

/** The same before it is written. Its element stays a Buffer: most attempts are never written. */
export interface AttemptToStore extends Omit<StoredAttempt, "element"> {
  element: Buffer | null;
}

export class BodyStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  /** Returns the last attempt of a delivery; null if it is not among its owner's last ones. */
  async find(delivery: DeliveryName): Promise<StoredAttempt | null> {
    const texts = await this.link.run((client) =>
      client.lrange(this.keys.bodies(tagOf(delivery)), 0, -1),
    );
    for (const text of texts) {
      const attempt = readStored(text);
      if (attempt?.header.delivery === delivery) return attempt;
    }
    return null;
  }

  /** Returns the arguments of `addRecent`. All attempts are of one owner, the oldest first. */
  entriesOf(attempts: readonly AttemptToStore[]): RecentEntries {
    const [first] = attempts;
    // The name of each delivery begins with the owner's tag.
    const tag = first ? tagOf(first.header.delivery) : "";
    return { key: this.keys.bodies(tag), entries: attempts.map(storedEntry) };
  }
}

/** One line of JSON, then the element's bytes: as a JSON string they would have to be escaped. */
function storedEntry({ header, outcome, element }: AttemptToStore): string | TextAndBytes {
  const line = JSON.stringify({ header, outcome });
  if (element === null || element.length > MAX_STORED_BODY_BYTES) return line;
  return { text: `${line}\n`, bytes: element };
}

/** Returns null if another program wrote the entry. */
function readStored(text: string): StoredAttempt | null {
  const lineEnd = text.indexOf("\n");
  const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
  const stored = readObject(Buffer.from(line));
  const { header, outcome } = (stored ?? {}) as Partial<Omit<StoredAttempt, "element">>;
  const { delivery, owner, webhook_id } = header ?? {};
  const isAttempt = [delivery, owner, webhook_id, outcome].every((one) => typeof one === "string");
  if (!isAttempt || !header || !outcome) return null;
  return { header, outcome, element: lineEnd < 0 ? null : text.slice(lineEnd + 1) };
}
