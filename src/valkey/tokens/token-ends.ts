// Ends the signed tokens of one owner: those that were issued before a time are refused from then on. They
// are not stored, so one by one they cannot be revoked.
import { BoundedMap } from "../../bounded-map.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { StoreLink } from "../connection/link.ts";
import type { SharedKeys } from "../keys.ts";

/** The longest life of a signed token: after this, none is left to be refused. */
export const MAX_TOKEN_MS = 30 * 86_400_000;

/** A token is refused on every replica within this. */
export const TOKEN_END_KNOWN_MS = 500;
const MAX_CACHED = 10_000;

export class TokenEnds {
  readonly #cached = new BoundedMap<OwnerRef, { endedAtMs: number; readAt: number }>(MAX_CACHED);

  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  async end(owner: OwnerRef, atMs: number): Promise<void> {
    await this.link.run((client) =>
      client.set(this.keys.tokensEnded(owner), atMs, "PX", MAX_TOKEN_MS),
    );
    this.#cached.delete(owner);
  }

  /** Returns until when the owner's tokens were ended; 0: never. Tokens issued later count. */
  async endedAtMs(owner: OwnerRef): Promise<number> {
    const cached = this.#cached.get(owner);
    const readAt = performance.now();
    if (cached && readAt - cached.readAt < TOKEN_END_KNOWN_MS) return cached.endedAtMs;
    const text = await this.link.run((client) => client.get(this.keys.tokensEnded(owner)));
    const endedAtMs = Number(text ?? 0) || 0;
    this.#cached.delete(owner);
    this.#cached.set(owner, { endedAtMs, readAt });
    return endedAtMs;
  }
}
