// API keys of owners: they do not expire, so they are stored, and each can be revoked. Valkey has only a hash
// of each key's secret. Every use reads the key, so a revoked one is refused on every replica at once.
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { BoundedMap } from "../../bounded-map.ts";
import { newId } from "../../wire/new-id.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { StoreLink } from "../connection/link.ts";
import { readObject } from "../foreign.ts";
import type { SharedKeys } from "../keys.ts";

export const MAX_KEYS_PER_OWNER = 20;

/** `fhk_`, the 24 characters of the key's id, and 256 random bits in base64url (RFC 4648 §5). */
const API_KEY = /^fhk_([A-Za-z0-9]{24})_([A-Za-z0-9_-]{43})$/;
const SECRET_BYTES = 32;
/** The time of the last use is written at most this often for each key and process. */
const USE_NOTED_EVERY_MS = 60_000;
const MAX_REMEMBERED_USES = 10_000;

export type ApiKeyId = `key_${string}`;

export interface ApiKey {
  id: ApiKeyId;
  owner: OwnerRef;
  name: string;
  readOnly: boolean;
  createdAtMs: number;
}

export interface ListedApiKey extends ApiKey {
  /** To the minute; null: never. */
  lastUsedAtMs: number | null;
}

interface StoredKey extends ApiKey {
  secretHash: string;
}

export class ApiKeyStore {
  readonly #noted = new BoundedMap<string, number>(MAX_REMEMBERED_USES);

  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  /** Returns the key's text, which is nowhere else; null if the owner has the maximum. */
  async create(made: Omit<ApiKey, "id">): Promise<{ id: ApiKeyId; text: string } | null> {
    const id = newId("key");
    const secret = randomBytes(SECRET_BYTES).toString("base64url");
    const ofOwner = this.keys.apiKeysOf(made.owner);
    const text = JSON.stringify({ ...made, id, secretHash: hashOf(secret) } satisfies StoredKey);
    const isFull = await this.link.run(async (client) => {
      // Two requests at the same moment may both find the last place free: one more does no harm.
      if ((await client.scard(ofOwner)) >= MAX_KEYS_PER_OWNER) return true;
      await client.multi().hset(this.keys.apiKeys, id, text).sadd(ofOwner, id).exec();
      return false;
    });
    return isFull ? null : { id, text: `fhk_${id.slice(4)}_${secret}` };
  }

  /** Returns the key that this text is; null if there is none, or none any more. */
  async find(text: string): Promise<ApiKey | null> {
    const [, name, secret] = API_KEY.exec(text) ?? [];
    if (name === undefined || secret === undefined) return null;
    const stored = await this.read(`key_${name}`);
    if (stored === null || !isSame(hashOf(secret), stored.secretHash)) return null;
    return withoutSecret(stored);
  }

  async get(id: string): Promise<ApiKey | null> {
    const stored = await this.read(id);
    return stored && withoutSecret(stored);
  }

  /** Returns an owner's keys, the oldest first. */
  async list(owner: OwnerRef): Promise<ListedApiKey[]> {
    const [texts, uses] = await this.link.run(async (client) => {
      const ids = await client.smembers(this.keys.apiKeysOf(owner));
      if (ids.length === 0) return [[], []];
      return Promise.all([
        client.hmget(this.keys.apiKeys, ...ids),
        client.hmget(this.keys.apiKeyUses, ...ids),
      ]);
    });
    return texts
      .flatMap((text, at): ListedApiKey[] => {
        const stored = readStored(text);
        if (stored?.owner !== owner) return [];
        return [{ ...withoutSecret(stored), lastUsedAtMs: Number(uses[at] ?? 0) || null }];
      })
      .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  }

  /** Returns false if there was none. */
  async revoke({ id, owner }: Pick<ApiKey, "id" | "owner">): Promise<boolean> {
    return this.link.run(async (client) => {
      // The key itself first: it counts until then.
      const revoked = await client.hdel(this.keys.apiKeys, id);
      await client
        .multi()
        .srem(this.keys.apiKeysOf(owner), id)
        .hdel(this.keys.apiKeyUses, id)
        .exec();
      return revoked === 1;
    });
  }

  /** Returns how many there were. */
  async revokeAll(owner: OwnerRef): Promise<number> {
    return this.link.run(async (client) => {
      const { apiKeys, apiKeyUses } = this.keys;
      const ids = await client.smembers(this.keys.apiKeysOf(owner));
      if (ids.length === 0) return 0;
      const revoked = await client.hdel(apiKeys, ...ids);
      // Only what was read: a key that was made meanwhile must stay in the list.
      await client
        .multi()
        .srem(this.keys.apiKeysOf(owner), ...ids)
        .hdel(apiKeyUses, ...ids)
        .exec();
      return revoked;
    });
  }

  /** Notes that a key was used. Never throws: the request does not depend on it. */
  async noteUse(id: ApiKeyId, nowMs: number): Promise<void> {
    if (nowMs - (this.#noted.get(id) ?? 0) < USE_NOTED_EVERY_MS) return;
    this.#noted.set(id, nowMs);
    await this.link
      .run((client) => client.hset(this.keys.apiKeyUses, id, nowMs))
      .catch(() => this.#noted.delete(id));
  }

  private async read(id: string): Promise<StoredKey | null> {
    return readStored(await this.link.run((client) => client.hget(this.keys.apiKeys, id)));
  }
}

/** Null if it is not there, or another program wrote it. */
function readStored(text: string | null | undefined): StoredKey | null {
  if (typeof text !== "string") return null;
  const key = readObject(Buffer.from(text)) as Partial<StoredKey> | null;
  if (key === null) return null;
  const { id, owner, name, secretHash, createdAtMs } = key;
  const hasTexts = [id, owner, name, secretHash].every((one) => typeof one === "string");
  if (!hasTexts || typeof createdAtMs !== "number") return null;
  return { ...(key as StoredKey), readOnly: key.readOnly !== false };
}

function withoutSecret({ secretHash: _secretHash, ...key }: StoredKey): ApiKey {
  return key;
}

/** The secret is random, so a fast hash is enough. */
function hashOf(secret: string): string {
  return hash("sha256", secret, "base64url");
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
