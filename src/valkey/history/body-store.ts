// Stores the bodies of an owner's last attempts, so that each can be redelivered (docs/design.md, "Keys").
// The tag in a delivery's id leads to its owner's list.
import type { OwnerRef } from "../../wire/owner.ts";
import { ownerTag, tagOf } from "../queue/delivery-id.ts";
import { readObject } from "../foreign.ts";
import type { DeliveryHeader } from "../queue/item.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import type { RecentEntries } from "./recent-lists.ts";
import type { TextAndBytes } from "../connection/script.ts";
import type { AttemptDetail } from "../../wire/attempt-detail.ts";
import type { DeliveryName } from "../../wire/ids.ts";

/** A larger element is not stored; its delivery cannot be redelivered from here (410). */
export const MAX_STORED_BODY_BYTES = 16 * 1024;

export interface StoredAttempt {
  header: DeliveryHeader;
  outcome: "delivered" | "retry" | "parked";
  /** The element's text; null if it is too large, or is stored elsewhere (a retry). */
  element: string | null;
  /** What was sent and answered; missing with `FLUXHOOK_LOG_DETAIL=0`, and of older versions. */
  detail?: AttemptDetail;
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
    const [newest] = await this.attemptsOf(delivery);
    return newest ?? null;
  }

  /** Returns the attempts of a delivery that are among its owner's last ones, the newest first. */
  async attemptsOf(delivery: DeliveryName): Promise<StoredAttempt[]> {
    const texts = await this.link.run((client) =>
      client.lrange(this.keys.bodies(tagOf(delivery)), 0, -1),
    );
    return (
      texts
        // Most are of other deliveries, and need not be read for that.
        .filter((text) => text.includes(delivery))
        .flatMap((text) => readStored(text) ?? [])
        .filter(({ header }) => header.delivery === delivery)
    );
  }

  /** Removes those of an owner, and leaves those of another one with the same tag. */
  async removeOf(owner: OwnerRef): Promise<void> {
    const key = this.keys.bodies(ownerTag(owner));
    await this.link.run(async (client) => {
      for (const text of await client.lrangeBuffer(key, 0, -1)) {
        const stored = readStored(text.toString("utf8"));
        if (stored === null || stored.header.owner === owner) await client.lrem(key, 0, text);
      }
    });
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
function storedEntry({ header, outcome, element, detail }: AttemptToStore): string | TextAndBytes {
  const line = JSON.stringify({ header, outcome, detail });
  if (element === null || element.length > MAX_STORED_BODY_BYTES) return line;
  return { text: `${line}\n`, bytes: element };
}

/** Returns null if another program wrote the entry. */
function readStored(text: string): StoredAttempt | null {
  const lineEnd = text.indexOf("\n");
  const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
  const stored = readObject(Buffer.from(line));
  const { header, outcome, detail } = (stored ?? {}) as Partial<Omit<StoredAttempt, "element">>;
  const { delivery, owner, webhook_id } = header ?? {};
  const isAttempt = [delivery, owner, webhook_id, outcome].every((one) => typeof one === "string");
  if (!isAttempt || !header || !outcome) return null;
  const element = lineEnd < 0 ? null : text.slice(lineEnd + 1);
  return { header, outcome, element, ...(detail === undefined ? {} : { detail }) };
}
