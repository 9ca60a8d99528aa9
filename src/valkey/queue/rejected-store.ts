// Stores elements that are not valid events, with their bytes and the reason (docs/design.md, "Keys").
import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { describeForeign, readObject } from "../foreign.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { readPage } from "../list-page.ts";
import { rejectedId } from "./requeue.ts";
import { Script } from "../connection/script.ts";
import rejectText from "../scripts/reject.lua" with { type: "text" };

const rejectScript = new Script(rejectText);

export interface Rejection {
  reason: string;
  field: string | null;
  message: string;
  queue: string;
  bytes: Buffer;
  /** Size of the element, if `bytes` are only its first ones. */
  size?: number;
}

/** All rejected elements together may have this many bytes. */
const MAX_BYTES = 64 * 1024 * 1024;

export class RejectedStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    private readonly limits: { max: number; ttlMs: number },
  ) {}

  /** Stores elements. Returns how many of the oldest were dropped because a cap was exceeded. */
  async write(rejections: readonly Rejection[], at: Date): Promise<number> {
    const records = rejections.map((rejection) => rejectionRecord(rejection, at));
    const fallen = await this.link.run((client) =>
      rejectScript.run(
        client,
        [this.keys.rejected, this.keys.rejectedBytes],
        [this.limits.max, MAX_BYTES, this.limits.ttlMs, ...records],
      ),
    );
    return Number(fallen);
  }

  /**
   * Returns the newest first, each with the id by which it can be requeued. `cursor` is how many to skip. Returns
   * fewer than `limit` if they are large.
   */
  async list(
    cursor: string | null,
    limit: number,
  ): Promise<{ rejected: unknown[]; next: string | null }> {
    const from = Number(cursor ?? 0);
    const records = await readPage(this.link, this.keys.rejected, {
      from,
      towards: "tail",
      max: limit,
    });
    const next = from + records.length;
    const length = await this.link.run((client) => client.llen(this.keys.rejected));
    return {
      rejected: records.map(readRecord),
      next: records.length > 0 && next < length ? String(next) : null,
    };
  }
}

/** The fields that every version of Fluxhook has written. */
const writtenSchema = z.object({
  reason: z.string(),
  field: z.string().nullable(),
  message: z.string(),
  queue: z.string(),
  size: z.int(),
  rejected_at: z.string(),
  raw: z.string().optional(),
  raw_base64: z.string().optional(),
});

function readRecord(bytes: Buffer): object {
  const id = rejectedId(bytes);
  const record = readObject(bytes);
  if (record !== null && writtenSchema.safeParse(record).success) return { ...record, id };
  return {
    id,
    reason: "unreadable",
    field: null,
    queue: null,
    rejected_at: null,
    ...describeForeign(bytes, "a rejected element"),
  };
}

function rejectionRecord(rejection: Rejection, at: Date): string {
  const { reason, field, message, queue, size = rejection.bytes.length } = rejection;
  const isCut = rejection.bytes.length < size;
  const bytes = isCut ? wholeCharacters(rejection.bytes) : rejection.bytes;
  return JSON.stringify({
    reason,
    field,
    message,
    queue,
    size,
    rejected_at: at.toISOString(),
    ...(isCut && { cut: true }),
    // JSON can only contain text, so bytes that are not UTF-8 are written in base64.
    ...(isUtf8(bytes) ? { raw: bytes.toString("utf8") } : { raw_base64: bytes.toString("base64") }),
  });
}

const MAX_CHARACTER_BYTES = 4;

/** Removes the part of a character that a cut may have left at the end (RFC 3629 §3). */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let less = 0; less < MAX_CHARACTER_BYTES; less += 1) {
    const shorter = bytes.subarray(0, bytes.length - less);
    if (isUtf8(shorter)) return shorter;
  }
  return bytes;
}
