// Stores the last failed attempts of each webhook, so that an owner's successes do not push them out of sight
// (docs/design.md, "Keys"). They are found by the tag in a delivery's id, as kept bodies are.
import { hash } from "node:crypto";
import type { AttemptDetail } from "../../wire/attempt-detail.ts";
import type { DeliveryName, WebhookId } from "../../wire/ids.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import { readObject } from "../foreign.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument } from "../connection/script.ts";
import { ownerTag, tagOf } from "../queue/delivery-id.ts";
import type { DeliveryHeader } from "../queue/item.ts";
import failuresText from "../scripts/failures.lua" with { type: "text" };
import { MAX_STORED_BODY_BYTES } from "./body-store.ts";

const failuresScript = new Script(failuresText);

/** All of an owner: attempts and elements. */
export const MAX_FAILURE_BYTES = 256 * 1024;
const ELEMENT_NAME_DIGITS = 16;

export interface StoredFailure {
  header: DeliveryHeader;
  entry: LogEntry;
  /** Missing with `FLUXHOOK_LOG_DETAIL=0`. */
  detail?: AttemptDetail;
  /** The element's text; null if it is too large. */
  element: string | null;
}

export interface FailureToStore extends Omit<StoredFailure, "element"> {
  element: Buffer | null;
}

/** Failed attempts of one owner, the oldest first. */
export interface FailuresOfOwner {
  tag: string;
  failures: readonly FailureToStore[];
}

export interface FailureLimits {
  /** Attempts of each webhook. */
  size: number;
  ttlMs: number;
}

export class FailureStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    private readonly limits: FailureLimits,
  ) {}

  /** Returns the keys of the owners whose failures could not be written. */
  async add(owners: readonly FailuresOfOwner[]): Promise<string[]> {
    const { size, ttlMs } = this.limits;
    const keys = owners.map(({ tag }) => this.keys.failures(tag));
    const args: ScriptArgument[] = [size, MAX_FAILURE_BYTES, ttlMs];
    for (const { failures } of owners) args.push(failures.length, ...argumentsOf(failures));
    const unwritten = await this.link.run((client) => failuresScript.run(client, keys, args));
    return (unwritten as Buffer[]).map(String);
  }

  /** Returns those of one webhook, the newest first. Two owners may share a tag: look at the header's owner. */
  async ofWebhook(tag: string, webhookId: WebhookId): Promise<StoredFailure[]> {
    const all = await this.read(tag);
    return all.filter(({ header }) => header.webhook_id === webhookId);
  }

  /** Returns those of one delivery, the newest first. */
  async ofDelivery(delivery: DeliveryName): Promise<StoredFailure[]> {
    const all = await this.read(tagOf(delivery));
    return all.filter(({ header }) => header.delivery === delivery);
  }

  /** Removes those of an owner, and leaves those of another one with the same tag. */
  async removeOf(owner: OwnerRef): Promise<void> {
    const tag = ownerTag(owner);
    const others = (await this.read(tag)).filter(({ header }) => header.owner !== owner);
    await this.link.run((client) => client.del(this.keys.failures(tag)));
    if (others.length === 0) return;
    const failures = others.toReversed().map(({ element, ...failure }) => ({
      ...failure,
      element: element === null ? null : Buffer.from(element),
    }));
    await this.add([{ tag, failures }]);
  }

  private async read(tag: string): Promise<StoredFailure[]> {
    const fields = await this.link.run((client) => client.hgetall(this.keys.failures(tag)));
    const lines = (fields["index"] ?? "").split("\n").toReversed();
    return lines.flatMap((line) => {
      const [number = "", , , element = "-"] = line.split(" ");
      const failure = readFailure(fields[`a${number}`]);
      return failure === null ? [] : { ...failure, element: fields[`b${element}`] ?? null };
    });
  }
}

function argumentsOf(failures: readonly FailureToStore[]): ScriptArgument[] {
  const sent = new Set<string>();
  return failures.flatMap(({ element, ...attempt }) => {
    const text = JSON.stringify(attempt);
    const { webhook_id } = attempt.header;
    if (element === null || element.length > MAX_STORED_BODY_BYTES)
      return [webhook_id, text, "-", ""];
    const name = hash("sha1", element).slice(0, ELEMENT_NAME_DIGITS);
    const isFirst = !sent.has(name);
    sent.add(name);
    return [webhook_id, text, name, isFirst ? element : ""];
  });
}

/** Returns null if another program wrote it. */
function readFailure(text: string | undefined): Omit<StoredFailure, "element"> | null {
  const stored = text === undefined ? null : readObject(Buffer.from(text));
  const { header, entry, detail } = (stored ?? {}) as Partial<StoredFailure>;
  const { delivery, owner, webhook_id } = header ?? {};
  const isOurs = [delivery, owner, webhook_id].every((one) => typeof one === "string");
  if (!isOurs || !header || typeof entry !== "object") return null;
  return { header, entry, ...(detail === undefined ? {} : { detail }) };
}
