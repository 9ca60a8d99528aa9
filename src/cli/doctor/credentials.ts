// Checks the API token and the secret key. The findings contain no part of either (guarantee 9), only a
// length and an estimate.
import { ok, problem, warning, type Check, type Finding } from "./check.ts";
import { isLoopback } from "./valkey-server.ts";

/** The shortest random token, of 24 hexadecimal digits, is estimated at 84, and at 49 in the worst of 400,000. */
const FEWEST_BITS = 40;
/** Checks only this many characters of a token: the patterns below take quadratic time. */
const MAX_CHECKED = 256;
/** Of 32 random bytes some 30 are distinct; of 32 hexadecimal digits, which is 128 bits, some 14. */
const FEWEST_DISTINCT_BYTES = { binary: 20, text: 8 };

const GUESSED_FIRST =
  /change[-_ ]?(?:me|this|it)|pass(?:word|wd|phrase)|secret|token|example|placeholder|replace[-_ ]?me|default|letmein|qwerty|fluxhook|admin|test/gi;

/** Rare in random text: a part of three or more that repeats at once, or one character four times. */
const REPEATED = /(.{3,}?)\1+|(.)\2{3,}/g;

const MAKE_TOKEN = "make one with: openssl rand -hex 24";
const MAKE_KEY = "make one with: openssl rand -base64 32";

export const credentialChecks: Check[] = [
  {
    name: "api-token",
    reads: ["API_TOKEN", "HOST"],
    look: ({ settings }) => checkToken(settings.API_TOKEN, settings.HOST),
  },
  {
    name: "secret-key",
    reads: ["SECRET_KEY"],
    look: ({ settings }) => checkSecretKeys(settings.SECRET_KEY),
  },
];

/** Each of several tokens is accepted, so the weakest counts. */
export function checkToken(tokens: readonly string[] | undefined, host: string): Finding {
  const [token, ...others] = (tokens ?? []).toSorted((a, b) => estimateBits(a) - estimateBits(b));
  if (token === undefined) {
    return problem("not set", `\`serve\` does not start without FLUXHOOK_API_TOKEN; ${MAKE_TOKEN}`);
  }
  const bits = Math.floor(estimateBits(token));
  const many = others.length === 0 ? "" : `${others.length + 1} tokens; the weakest has `;
  const found = `${many}${token.length} characters, some ${bits} bits`;
  if (bits >= FEWEST_BITS) return ok(found);
  const weak = `${found}: it can be guessed`;
  return isLoopback(host)
    ? warning(weak, MAKE_TOKEN)
    : problem(`${weak}, and FLUXHOOK_HOST lets other machines try`, MAKE_TOKEN);
}

/** Estimates the bits that have to be guessed: without known words, runs (`abcd`, `1111`) and repeats. */
export function estimateBits(token: string): number {
  const text = withoutRuns(token.slice(0, MAX_CHECKED).replaceAll(GUESSED_FIRST, "")).replaceAll(
    REPEATED,
    "$1$2",
  );
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= count * Math.log2(count / text.length);
  return bits;
}

const SHORTEST_RUN = 4;

/** Keeps only the first of characters that follow each other in steps of -1, 0 or 1. */
function withoutRuns(text: string): string {
  let kept = "";
  for (let at = 0; at < text.length;) {
    const step = text.charCodeAt(at + 1) - text.charCodeAt(at);
    let end = at + 1;
    while (Math.abs(step) <= 1 && text.charCodeAt(end) - text.charCodeAt(end - 1) === step)
      end += 1;
    const isRun = end - at >= SHORTEST_RUN;
    kept += text.charAt(at);
    at = isRun ? end : at + 1;
  }
  return kept;
}

export function checkSecretKeys(keys: readonly string[]): Finding {
  if (keys.length === 0) {
    return warning(
      "not set: webhook secrets are in Valkey as they are",
      `set FLUXHOOK_SECRET_KEY; ${MAKE_KEY}`,
    );
  }
  for (const [at, key] of keys.entries()) {
    const which = keys.length === 1 ? "the key" : `key ${at + 1} of ${keys.length}`;
    const bytes = Buffer.from(key, "base64");
    // 32 random bytes are all printable once in 10^13 keys.
    const kind = bytes.every((byte) => byte >= 0x20 && byte < 0x7f) ? "text" : "binary";
    if (isSequence(bytes) || new Set(bytes).size < FEWEST_DISTINCT_BYTES[kind]) {
      return problem(`${which} is a pattern, not random bytes`, MAKE_KEY);
    }
    if (kind === "text") {
      return warning(`${which} is text in base64, not random bytes`, MAKE_KEY);
    }
  }
  if (new Set(keys).size < keys.length) {
    return warning("the same key is given twice", "the first encrypts, all decrypt: drop one");
  }
  return ok(keys.length === 1 ? "one key" : `${keys.length} keys, the first encrypts`);
}

function isSequence(bytes: Buffer): boolean {
  const step = (bytes.at(1) ?? 0) - (bytes.at(0) ?? 0);
  return bytes.every((byte, i) => i === 0 || byte - (bytes[i - 1] ?? 0) === step);
}
