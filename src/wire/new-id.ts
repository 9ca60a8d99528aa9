// Ids that the API generates: a prefix and 24 random characters (142 bits).

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 24;
// Bytes from here on are dropped: modulo 62 they would favour the first characters.
const UNBIASED = 256 - (256 % ALPHABET.length);

export type IdPrefix = "evt" | "key" | "tok" | "wf" | "wh";

export function newId<P extends IdPrefix>(prefix: P): `${P}_${string}` {
  let text = "";
  while (text.length < LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH + 8))) {
      if (byte < UNBIASED && text.length < LENGTH) text += ALPHABET[byte % ALPHABET.length];
    }
  }
  return `${prefix}_${text}`;
}
