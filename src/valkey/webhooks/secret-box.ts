// Seals secrets, so that they cannot be read from Valkey's memory, files or backups: AES-256-GCM under
// FLUXHOOK_SECRET_KEY. The first key seals, and all keys open, so that a key can be replaced.
import { hash } from "node:crypto";
import { decodeUtf8 } from "../../wire/bytes.ts";

/** The result of opening a sealed text. */
export type Opened =
  | { kind: "opened"; text: string }
  /** It was sealed under a key that this process does not have. */
  | { kind: "unknown-key"; keyId: string }
  /** It was changed, cut, or moved from another place. */
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

  /** `keys`: base64 of 32 bytes each, validated by the settings. Without keys nothing is sealed. */
  constructor(keys: readonly string[]) {
    this.#keys = keys.map((text) => {
      const bytes = new Uint8Array(Buffer.from(text, "base64"));
      return { id: keyId(bytes), bytes, imported: null };
    });
  }

  /** False: secrets are stored in plain. */
  get hasKey(): boolean {
    return this.#keys.length > 0;
  }

  /** Returns whether this text was sealed under the first key. */
  isCurrent(sealed: string): boolean {
    const [first] = this.#keys;
    return first !== undefined && FORM.exec(sealed)?.[1] === first.id;
  }

  /** Seals a text. `place` is authenticated with it: the sealed text opens only with the same place. */
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
      // Only text is sealed, so other bytes were not sealed by Fluxhook.
      return text === null ? { kind: "forged", keyId: id } : { kind: "opened", text };
    } catch {
      // The tag does not match. That is a property of the stored data, not an error of this process.
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

/** Returns an id that distinguishes keys and reveals nothing about them: they are 256 random bits. */
function keyId(bytes: Uint8Array): string {
  return hash("sha256", bytes).slice(0, KEY_ID_BYTES * 2);
}
