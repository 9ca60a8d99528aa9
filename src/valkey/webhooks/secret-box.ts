// Seals what must not be read out of Valkey's memory, files or backups: AES-256-GCM under
// FLUXHOOK_SECRET_KEY. The first key seals, all of them open, so that a key can be changed.
import { hash } from "node:crypto";
import { decodeUtf8 } from "../../wire/bytes.ts";

/** What a sealed text came to. */
export type Opened =
  | { kind: "opened"; text: string }
  /** None of our keys is the one that it was sealed under. */
  | { kind: "unknown-key"; keyId: string }
  /** Changed, cut, or moved here from another place. */
  | { kind: "forged"; keyId: string };

interface Key {
  id: string;
  bytes: Uint8Array<ArrayBuffer>;
  imported: Promise<CryptoKey> | null;
}

/** `enc:v1:<key id>:<base64 of nonce, ciphertext and tag>` */
const FORM = /^enc:v1:([0-9a-f]{16}):([A-Za-z0-9+/]+={0,2})$/;
const ALGORITHM = "AES-GCM";
/** NIST SP 800-38D §8.2.2: a random nonce of 96 bits; §8.3 allows 2^32 of them under one key. */
const NONCE_BYTES = 12;
const KEY_ID_BYTES = 8;

const encoder = new TextEncoder();

export class SecretBox {
  readonly #keys: readonly Key[];

  /** `keys`: base64 of 32 bytes each, as the settings have checked them; none: nothing is sealed. */
  constructor(keys: readonly string[]) {
    this.#keys = keys.map((text) => {
      const bytes = new Uint8Array(Buffer.from(text, "base64"));
      return { id: keyId(bytes), bytes, imported: null };
    });
  }

  /** Without a key, secrets are stored as they are. */
  get hasKey(): boolean {
    return this.#keys.length > 0;
  }

  /** Whether this text was sealed under the key that seals now. */
  isCurrent(sealed: string): boolean {
    const [first] = this.#keys;
    return first !== undefined && FORM.exec(sealed)?.[1] === first.id;
  }

  /** `place` is authenticated with it: the sealed text opens there and nowhere else. */
  async seal(text: string, place: string): Promise<string> {
    const [key] = this.#keys;
    if (!key) throw new Error("nothing can be sealed without a key");
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = await crypto.subtle.encrypt(
      { name: ALGORITHM, iv: nonce, additionalData: encoder.encode(place) },
      await importKey(key),
      encoder.encode(text),
    );
    const bytes = Buffer.concat([nonce, new Uint8Array(sealed)]);
    return `enc:v1:${key.id}:${bytes.toString("base64")}`;
  }

  async open(sealed: string, place: string): Promise<Opened> {
    const [, id = "", base64 = ""] = FORM.exec(sealed) ?? [];
    const key = this.#keys.find((one) => one.id === id);
    if (!key) return { kind: "unknown-key", keyId: id };
    const bytes = new Uint8Array(Buffer.from(base64, "base64"));
    try {
      const opened = await crypto.subtle.decrypt(
        {
          name: ALGORITHM,
          iv: bytes.subarray(0, NONCE_BYTES),
          additionalData: encoder.encode(place),
        },
        await importKey(key),
        bytes.subarray(NONCE_BYTES),
      );
      const text = decodeUtf8(new Uint8Array(opened));
      // What was sealed was text; anything else is nothing of ours.
      return text === null ? { kind: "forged", keyId: id } : { kind: "opened", text };
    } catch {
      // The tag does not fit: what stands in Valkey is data, not a fault of ours.
      return { kind: "forged", keyId: id };
    }
  }
}

function importKey(key: Key): Promise<CryptoKey> {
  key.imported ??= crypto.subtle.importKey("raw", key.bytes, ALGORITHM, false, [
    "encrypt",
    "decrypt",
  ]);
  return key.imported;
}

/** Tells keys apart without telling anything about them: they are 256 random bits. */
function keyId(bytes: Uint8Array): string {
  return hash("sha256", bytes).slice(0, KEY_ID_BYTES * 2);
}
