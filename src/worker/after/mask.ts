// Masks credentials in what an attempt sent and got (guarantee 9): those of the webhook's url and of its own
// headers, cookies, and what the receiver repeats of them.
import { BoundedMap } from "../../bounded-map.ts";
import { MASK } from "../../wire/attempt-detail.ts";
import { isCredentialHeader } from "../../wire/credential-header.ts";

const FIELD = /^([^:\r\n]+):[ \t]*([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)/gm;
const WEBHOOK_SECRET = /\bwhsec_[A-Za-z0-9+/=_-]+/g;
/** Shorter ones would be found by chance in anything. */
const MIN_SECRET_CHARACTERS = 6;
/** The beginning of a secret at the end of what was cut off. */
const MIN_BEGINNING_CHARACTERS = 4;

export interface MaskedRequest {
  head: string;
  /** What the response may repeat of it. */
  secrets: readonly string[];
}

const NO_SECRETS: readonly string[] = [];

/** Returns the request's head with its credentials masked. `headers` are those of the webhook. */
export function maskRequest(
  head: string,
  { url, headers }: { url: string; headers: Readonly<Record<string, string>> },
): MaskedRequest {
  const names = Object.keys(headers);
  const isPlain = !url.includes("?") && !url.includes("@") && !names.some(isSensitive);
  return isPlain ? { head, secrets: NO_SECRETS } : maskCredentials(head, url);
}

function maskCredentials(head: string, url: string): MaskedRequest {
  const secrets = new Set<string>();
  const requestLine = head.slice(0, Math.max(0, head.indexOf("\r\n")));
  if (URL.canParse(url)) for (const one of secretsOfUrl(new URL(url))) secrets.add(one);
  const fields = head
    .slice(requestLine.length)
    .replace(FIELD, (line, name: string, value: string) => {
      if (!isSensitive(name)) return line;
      secrets.add(value);
      // The credentials after their scheme (RFC 9110 §11.4).
      secrets.add(value.slice(value.indexOf(" ") + 1));
      return `${name}: ${MASK}`;
    });
  return {
    head: requestLine.replace(/\?[^ ]*/, `?${MASK}`) + fields,
    // The longest first: one may be a part of another.
    secrets: [...secrets]
      .filter(({ length }) => length >= MIN_SECRET_CHARACTERS)
      .toSorted((a, b) => b.length - a.length),
  };
}

/**
 * Returns the response's head with cookies and tokens masked, and what it repeats of the request's. `isCut`: it
 * may end within a secret.
 */
export function maskResponse(head: string, secrets: readonly string[], isCut = false): string {
  const masked = hasSensitiveField(head)
    ? head.replace(FIELD, (line, name: string) => (isSensitive(name) ? `${name}: ${MASK}` : line))
    : head;
  return maskText(masked, secrets, isCut);
}

/** Most heads have none; a pattern over the whole head takes four times as long. */
function hasSensitiveField(head: string): boolean {
  for (let at = head.indexOf("\n") + 1; at > 0 && at < head.length;) {
    const colon = head.indexOf(":", at);
    const end = head.indexOf("\n", at);
    if (colon > 0 && (end < 0 || colon < end) && isSensitive(head.slice(at, colon))) return true;
    at = end + 1;
  }
  return false;
}

/** `isCut`: the text may end within a secret. */
export function maskText(text: string, secrets: readonly string[], isCut: boolean): string {
  let masked = text.includes("whsec_") ? text.replace(WEBHOOK_SECRET, `whsec_${MASK}`) : text;
  for (const secret of secrets) {
    masked = masked.replaceAll(secret, MASK);
    if (isCut) masked = withoutBeginning(masked, secret);
  }
  return masked;
}

function withoutBeginning(text: string, secret: string): string {
  const longest = Math.min(secret.length - 1, text.length);
  for (let length = longest; length >= MIN_BEGINNING_CHARACTERS; length -= 1) {
    if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + MASK;
  }
  return text;
}

/** Receivers and webhooks repeat the same few names. */
const sensitivity = new BoundedMap<string, boolean>(1_000);
/** Longer ones are not kept in memory. */
const MAX_KNOWN_NAME = 64;

function isSensitive(name: string): boolean {
  const known = sensitivity.get(name);
  if (known !== undefined) return known;
  const found = isCredentialHeader(name);
  if (name.length <= MAX_KNOWN_NAME) sensitivity.set(name, found);
  return found;
}

/** User, password and query, as they are written and as they are meant. */
function secretsOfUrl({ username, password, search, searchParams }: URL): string[] {
  const values = [...searchParams.values()];
  const written = search
    .slice(1)
    .split("&")
    .map((pair) => pair.slice(pair.indexOf("=") + 1));
  const meant = password === "" ? [username] : [password];
  return [search.slice(1), ...values, ...written, ...meant, ...meant.map(decoded)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
