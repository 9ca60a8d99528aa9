// Stores the sessions of `fluxhook listen`: who may use a session, the requests that wait in it, and its temporary
// webhook. A session ends when its TTL expires; `leftovers` returns the webhooks that remain then.
import type { WebhookId } from "../../wire/ids.ts";
import { ANSWER_WITHIN_MS, AWAY_AFTER_MS, KEPT_MS } from "../../wire/tunnel.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument, type ScriptReply } from "../connection/script.ts";
import listenText from "../scripts/listen.lua" with { type: "text" };

const listenScript = new Script(listenText);

const MIB = 1024 * 1024;

/** A session ends when its client has been silent for this long. */
const SESSION_TTL_MS = 300_000;
/** Guarantee 6: bounds of each session, of all sessions of one owner, and of all sessions. */
const MAX_REQUESTS = 10_000;
const MAX_BYTES = { session: 64 * MIB, owner: 128 * MIB, all: 512 * MIB };
/** Sessions without an owner belong to the operator: many people may share one API token. */
export const MAX_SESSIONS = { owner: 10, operator: 100, all: 1_000 };
/** One poll returns up to this many bytes; a larger request is returned alone. */
const MAX_BYTES_PER_POLL = 4 * MIB;
/** A caller that waits for the answer reads it at once; after this it no longer waits. */
const ANSWER_TTL_MS = 10_000;
const SCANNED_AT_ONCE = 100;

export interface SessionRecord {
  id: string;
  /** Who created it, and may use it. */
  madeBy: string;
  webhookId: WebhookId | null;
}

export interface NewSession extends SessionRecord {
  /** The owner whose limits it counts towards; null: the operator. */
  owner: OwnerRef | null;
}

export type CreatedSession =
  | { created: true }
  /** `whose` already has `limit` live sessions, the maximum. */
  | { created: false; whose: keyof typeof MAX_SESSIONS; limit: number };

/** The head is JSON, the body is bytes. */
export interface StoredRequest {
  id: string;
  head: string;
  body: Buffer;
}

export type Pushed = { kind: "pushed"; id: string; isConnected: boolean } | Refused;
export type Refused = { kind: "full" } | { kind: "ended" };
export type Polled =
  { kind: "requests"; expired: number; requests: StoredRequest[] } | { kind: "ended" };
export type Taken =
  { kind: "answered"; text: Buffer } | { kind: "not-yet" } | { kind: "away" } | { kind: "ended" };

export interface TunnelStoreOptions {
  sessionTtlMs?: number;
  awayAfterMs?: number;
  keptMs?: number;
  maxRequests?: number;
  maxBytes?: Partial<typeof MAX_BYTES>;
  maxSessions?: Partial<typeof MAX_SESSIONS>;
}

export class TunnelStore {
  /** Where wake-ups are published; see connection/wake-ups.ts. */
  readonly channel: string;
  readonly sessionTtlMs: number;

  constructor(
    private readonly link: StoreLink,
    private readonly prefix: string,
    private readonly options: TunnelStoreOptions = {},
  ) {
    this.channel = `${prefix}:listen`;
    this.sessionTtlMs = options.sessionTtlMs ?? SESSION_TTL_MS;
  }

  /** Creates a session and counts it in one step, or returns the limit that is reached. */
  async create({ id, madeBy, webhookId, owner }: NewSession): Promise<CreatedSession> {
    const max = { ...MAX_SESSIONS, ...this.options.maxSessions };
    const whose = owner === null ? "operator" : "owner";
    const args = [madeBy, owner ?? "", webhookId ?? "", max[whose], max.all];
    const [verdict] = await this.run(id, "create", args);
    if (verdict === "created") return { created: true };
    return verdict === "too-many"
      ? { created: false, whose: "all", limit: max.all }
      : { created: false, whose, limit: max[whose] };
  }

  async find(id: string): Promise<SessionRecord | null> {
    const [madeBy, webhookId] = await this.link.run((client) =>
      client.hmget(this.key(id), "made_by", "webhook_id"),
    );
    return madeBy ? { id, madeBy, webhookId: (webhookId as WebhookId) || null } : null;
  }

  /** Removes a session. Its place and its bytes are free at once. */
  async remove(id: string): Promise<void> {
    await this.run(id, "remove", []);
  }

  /** Removes the sessions of an owner. Returns how many there were. */
  async removeOf(owner: OwnerRef): Promise<number> {
    const ids = await this.link.run(async (client) => {
      const fields = await client.hgetall(`${this.base}budget`);
      return Object.entries(fields).flatMap(([field, whose]) =>
        field.startsWith("owner ") && whose === owner ? [field.slice("owner ".length)] : [],
      );
    });
    for (const id of ids) await this.remove(id);
    return ids.length;
  }

  async push(id: string, head: string, body: Uint8Array): Promise<Pushed> {
    const { maxRequests = MAX_REQUESTS } = this.options;
    const maxBytes = { ...MAX_BYTES, ...this.options.maxBytes };
    const [verdict, requestId, isConnected] = await this.run(id, "push", [
      maxRequests,
      maxBytes.session,
      maxBytes.owner,
      maxBytes.all,
      ANSWER_WITHIN_MS + ANSWER_TTL_MS,
      head,
      Buffer.from(body.buffer, body.byteOffset, body.byteLength),
      this.channel,
    ]);
    return verdict === "pushed"
      ? { kind: "pushed", id: String(requestId), isConnected: isConnected === 1 }
      : { kind: verdict as Refused["kind"] };
  }

  /** Returns the requests after the id `after`, the oldest first. It is also the client's heartbeat. */
  async poll(id: string, after: string, limit: number): Promise<Polled> {
    const [verdict, expired, ...rows] = await this.run(id, "poll", [
      after,
      limit,
      MAX_BYTES_PER_POLL,
    ]);
    if (verdict === "ended") return { kind: "ended" };
    const requests: StoredRequest[] = [];
    for (let at = 0; at < rows.length; at += 3) {
      const [requestId, head, body] = rows.slice(at, at + 3);
      requests.push({ id: String(requestId), head: String(head), body: body as Buffer });
    }
    return { kind: "requests", expired: Number(expired), requests };
  }

  /** Ends a request with its answer. "nobody": no caller waits for the answer any more. */
  async answer(id: string, requestId: string, text: Buffer): Promise<"taken" | "nobody" | "ended"> {
    const args = [requestId, text, ANSWER_TTL_MS, this.channel];
    const [verdict] = await this.run(id, "answer", args);
    return verdict as "taken" | "nobody" | "ended";
  }

  /** Takes the answer to a request. If the client is away by now, the caller stops waiting. */
  async take(id: string, requestId: string): Promise<Taken> {
    const [verdict, text] = await this.run(id, "take", [requestId]);
    return verdict === "answered"
      ? { kind: "answered", text: text as Buffer }
      : { kind: verdict as "not-yet" | "away" | "ended" };
  }

  /** Removes a request whose caller got an error: it must not be forwarded afterwards. */
  async withdraw(id: string, requestId: string): Promise<void> {
    await this.run(id, "withdraw", [requestId]);
  }

  /** Removes requests that have waited too long in sessions that no client polls. */
  async expireRequests(): Promise<void> {
    const ids = await this.link.run((client) => client.zrange(`${this.base}live`, 0, -1));
    for (const id of ids) await this.run(id, "expire", []);
  }

  /** Returns the sessions that have expired, with the webhooks that they left behind. */
  async leftovers(): Promise<{ id: string; webhookId: WebhookId }[]> {
    const found: { id: string; webhookId: WebhookId }[] = [];
    for (const { registry, key } of this.registries()) {
      let cursor = "0";
      do {
        const [next, pairs] = await this.link.run((client) =>
          client.hscan(registry, cursor, "COUNT", SCANNED_AT_ONCE),
        );
        cursor = next;
        for (let at = 0; at < pairs.length; at += 2) {
          const id = pairs[at] ?? "";
          const isThere = await this.link.run((client) => client.exists(key(id)));
          if (isThere === 0) found.push({ id, webhookId: pairs[at + 1] as WebhookId });
        }
      } while (cursor !== "0");
    }
    return found;
  }

  /**
   * Removes the entry of a webhook. Call it after the webhook was deleted: after a crash in between, the next sweep
   * still finds the entry.
   */
  async forgetWebhook(id: string): Promise<void> {
    for (const { registry } of this.registries()) {
      await this.link.run((client) => client.hdel(registry, id));
    }
  }

  /** All keys share a hash tag, because one script uses them. */
  private get base(): string {
    return `{${this.prefix}:listen}:`;
  }

  private key(id: string): string {
    return `${this.base}session:${id}`;
  }

  /** Hashes: session → its temporary webhook. The second one was written by versions that did not count sessions. */
  private registries(): { registry: string; key: (id: string) => string }[] {
    return [
      { registry: `${this.base}webhooks`, key: (id) => this.key(id) },
      {
        registry: `${this.prefix}:listen-webhooks`,
        key: (id) => `${this.prefix}:listen:{${id}}`,
      },
    ];
  }

  private async run(
    id: string,
    verb: string,
    args: ScriptArgument[],
  ): Promise<[verdict: string, ...ScriptReply[]]> {
    const { keptMs = KEPT_MS, awayAfterMs = AWAY_AFTER_MS } = this.options;
    const key = this.key(id);
    const keys = ["live", "budget", "webhooks"].map((name) => `${this.base}${name}`);
    const reply = await this.link.run((client) =>
      listenScript.run(
        client,
        [key, `${key}:requests`, ...keys],
        [verb, id, keptMs, awayAfterMs, this.sessionTtlMs, ...args],
      ),
    );
    const [verdict, ...rest] = reply as ScriptReply[];
    return [String(verdict), ...rest];
  }
}
