// The sessions of `fluxhook listen` in Valkey: who may use one, what waits in it, and which temporary
// webhook goes with it. A session ends by its TTL; what is left of it then, `leftovers` tells.
import { ANSWER_WITHIN_MS, AWAY_AFTER_MS, KEPT_MS } from "../wire/listen.ts";
import type { Link } from "./link.ts";
import { Script, type ScriptArgument, type ScriptReply } from "./script.ts";
import listenText from "./scripts/listen.lua" with { type: "text" };

const listenScript = new Script(listenText);

/** Without a sign of the client. */
const SESSION_TTL_MS = 300_000;
/** Guarantee 6, of each session. */
const MOST_REQUESTS = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;
/** Of what one poll is answered; a larger request goes alone. */
const MOST_BYTES_AT_ONCE = 4 * 1024 * 1024;
/** Whoever waits for an answer fetches it at once, or is no longer there. */
const ANSWER_TTL_MS = 10_000;
const SCANNED_AT_ONCE = 100;

export interface SessionRecord {
  id: string;
  /** Who made it, and may use it. */
  madeBy: string;
  webhookId: string | null;
}

/** Head and body apart: the body is bytes. */
export interface StoredRequest {
  id: string;
  head: string;
  body: Buffer;
}

export type Pushed = { kind: "pushed"; id: string; isConnected: boolean } | Refused;
export type Refused = { kind: "full" } | { kind: "gone" };
export type Polled =
  { kind: "requests"; expired: number; requests: StoredRequest[] } | { kind: "gone" };
export type Taken =
  { kind: "answered"; text: Buffer } | { kind: "not-yet" } | { kind: "away" } | { kind: "gone" };

export interface ListenStoreOptions {
  sessionTtlMs?: number;
  awayAfterMs?: number;
  keptMs?: number;
  mostRequests?: number;
  mostBytes?: number;
}

export class ListenStore {
  /** Where rings go; see `listen-bell.ts`. */
  readonly channel: string;
  readonly sessionTtlMs: number;

  constructor(
    private readonly link: Link,
    private readonly prefix: string,
    private readonly options: ListenStoreOptions = {},
  ) {
    this.channel = `${prefix}:listen`;
    this.sessionTtlMs = options.sessionTtlMs ?? SESSION_TTL_MS;
  }

  async create(record: SessionRecord): Promise<void> {
    const { id, madeBy, webhookId } = record;
    const key = this.key(id);
    await this.link.run((client) =>
      client
        .multi()
        .hset(key, { made_by: madeBy, webhook_id: webhookId ?? "", seen: 0, bytes: 0, expired: 0 })
        .pexpire(key, this.sessionTtlMs)
        .exec(),
    );
    // Whoever makes one is there: a caller that is faster than its first poll waits for the answer.
    await this.poll(id, "0-0", 0);
    if (webhookId === null) return;
    // Behind the session, or a sweep would take it for one that has ended.
    await this.link.run((client) => client.hset(this.registry, id, webhookId));
  }

  async find(id: string): Promise<SessionRecord | null> {
    const [madeBy, webhookId] = await this.link.run((client) =>
      client.hmget(this.key(id), "made_by", "webhook_id"),
    );
    return madeBy ? { id, madeBy, webhookId: webhookId || null } : null;
  }

  async remove(id: string): Promise<void> {
    const key = this.key(id);
    await this.link.run((client) => client.del(key, `${key}:requests`));
    await this.forgetWebhook(id);
  }

  async push(id: string, head: string, body: Uint8Array): Promise<Pushed> {
    const { mostRequests = MOST_REQUESTS, mostBytes = MOST_BYTES } = this.options;
    const [verdict, requestId, isConnected] = await this.run(id, "push", [
      mostRequests,
      mostBytes,
      ANSWER_WITHIN_MS + ANSWER_TTL_MS,
      // Nothing is pushed to a session that has ended, so the requests outlive the session.
      this.sessionTtlMs,
      head,
      Buffer.from(body.buffer, body.byteOffset, body.byteLength),
      this.channel,
      id,
    ]);
    return verdict === "pushed"
      ? { kind: "pushed", id: String(requestId), isConnected: isConnected === 1 }
      : { kind: verdict as Refused["kind"] };
  }

  /** What waits behind `after`, the oldest first. It is the client's heartbeat too. */
  async poll(id: string, after: string, limit: number): Promise<Polled> {
    const [verdict, expired, ...rows] = await this.run(id, "poll", [
      after,
      limit,
      MOST_BYTES_AT_ONCE,
      this.sessionTtlMs,
    ]);
    if (verdict === "gone") return { kind: "gone" };
    const requests: StoredRequest[] = [];
    for (let at = 0; at < rows.length; at += 3) {
      const [requestId, head, body] = rows.slice(at, at + 3);
      requests.push({ id: String(requestId), head: String(head), body: body as Buffer });
    }
    return { kind: "requests", expired: Number(expired), requests };
  }

  /** The request is done, whether somebody still waits for the answer or not. */
  async answer(id: string, requestId: string, text: Buffer): Promise<"taken" | "nobody" | "gone"> {
    const args = [requestId, text, ANSWER_TTL_MS, this.channel, id];
    const [verdict] = await this.run(id, "answer", args);
    return verdict as "taken" | "nobody" | "gone";
  }

  /** Where the client is away by now, nobody waits for the answer any more. */
  async take(id: string, requestId: string): Promise<Taken> {
    const [verdict, text] = await this.run(id, "take", [requestId]);
    return verdict === "answered"
      ? { kind: "answered", text: text as Buffer }
      : { kind: verdict as "not-yet" | "away" | "gone" };
  }

  /** Whoever sent it was told that it failed: it must not be forwarded afterwards. */
  async withdraw(id: string, requestId: string): Promise<void> {
    await this.run(id, "withdraw", [requestId]);
  }

  /** The sessions that have ended by themselves, with the webhooks that they have left behind. */
  async leftovers(): Promise<{ id: string; webhookId: string }[]> {
    const found: { id: string; webhookId: string }[] = [];
    let cursor = "0";
    do {
      const [next, pairs] = await this.link.run((client) =>
        client.hscan(this.registry, cursor, "COUNT", SCANNED_AT_ONCE),
      );
      cursor = next;
      for (let at = 0; at < pairs.length; at += 2) {
        const id = pairs[at] ?? "";
        const isThere = await this.link.run((client) => client.exists(this.key(id)));
        if (isThere === 0) found.push({ id, webhookId: pairs[at + 1] ?? "" });
      }
    } while (cursor !== "0");
    return found;
  }

  /** After the webhook itself: in between, a sweep finds it again. */
  async forgetWebhook(id: string): Promise<void> {
    await this.link.run((client) => client.hdel(this.registry, id));
  }

  /** Hash: session → its temporary webhook. */
  private get registry(): string {
    return `${this.prefix}:listen-webhooks`;
  }

  /** All keys of a session are in one slot: one script touches them. */
  private key(id: string): string {
    return `${this.prefix}:listen:{${id}}`;
  }

  private async run(
    id: string,
    verb: string,
    args: ScriptArgument[],
  ): Promise<[verdict: string, ...ScriptReply[]]> {
    const { keptMs = KEPT_MS, awayAfterMs = AWAY_AFTER_MS } = this.options;
    const key = this.key(id);
    const reply = await this.link.run((client) =>
      listenScript.run(client, [key, `${key}:requests`], [verb, keptMs, awayAfterMs, ...args]),
    );
    const [verdict, ...rest] = reply as ScriptReply[];
    return [String(verdict), ...rest];
  }
}
