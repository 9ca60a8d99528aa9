// Parses a webhook's URL once for all its attempts: what the guard checks, what is dialled, what logs
// show. Everything comes from the parsed URL, never from its text.
import { BoundedMap } from "../../bounded-map.ts";
import { parseAddress, type Address } from "./address.ts";

export interface Target {
  protocol: string;
  isTls: boolean;
  /** The name that the resolver looks up; an IPv6 literal has no brackets. */
  hostname: string;
  port: number;
  /** Set if the host is an address, so that nothing has to be resolved. */
  literal: Address | null;
  /** Why the host is neither an address nor a valid name; null if it is one. */
  nameProblem: string | null;
  /** Includes the port unless it is the scheme's default (RFC 9110 §7.2). */
  hostHeader: string;
  /** The name that the certificate must have, also sent as SNI; null for an address (RFC 6066 §3). */
  serverName: string | null;
  pathAndQuery: string;
  /** Basic credentials from the URL (RFC 7617), or null. */
  authorization: string | null;
  /** The URL without query, fragment and credentials, for logs (guarantee 9). */
  endpoint: string;
}

const MAX_TARGETS = 4096;
const targets = new BoundedMap<string, Target | null>(MAX_TARGETS);

/** Returns null if the text is not a URL, and the same object for the same text while it is cached. */
export function readTarget(url: string): Target | null {
  const known = targets.get(url);
  if (known !== undefined) return known;
  const parsed = URL.parse(url);
  const target = parsed && parseTarget(parsed);
  targets.set(url, target);
  return target;
}

function parseTarget(url: URL): Target {
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const parsed = parseAddress(hostname);
  const literal: Address | null = parsed && {
    address: hostname,
    family: parsed.kind() === "ipv4" ? 4 : 6,
  };
  return {
    protocol: url.protocol,
    isTls,
    hostname,
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    literal,
    nameProblem: literal ? null : hostNameProblem(hostname),
    hostHeader: url.host,
    // SNI has no trailing dot, even if the name has one (RFC 6066 §3).
    serverName: literal ? null : hostname.replace(/\.$/, ""),
    pathAndQuery: url.pathname + url.search,
    authorization: basicCredentials(url),
    endpoint: `${url.protocol}//${url.host}${url.pathname}`,
  };
}

function basicCredentials({ username, password }: URL): string | null {
  if (username === "" && password === "") return null;
  // Percent-decoding to bytes cannot fail, unlike decodeURIComponent on a stray `%`.
  const decoded = `${username}:${password}`.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return `Basic ${Buffer.from(decoded, "latin1").toString("base64")}`;
}

const MAX_CHARACTERS = 253;
/** RFC 1123 §2.1, and the underscore, which names inside clusters may have. */
const LABEL = /^[a-z0-9_-]{1,63}$/;

/**
 * Returns why `name` cannot be a host's name (RFC 1035 §2.3.4), or null if it can. `new URL` accepts far
 * more. Takes lower case, which `URL` returns.
 */
export function hostNameProblem(name: string): string | null {
  const labels = absolute(name).split(".");
  if (labels.includes("")) return "it has an empty label";
  if (absolute(name).length > MAX_CHARACTERS) {
    return `it is over ${MAX_CHARACTERS} characters long`;
  }
  const wrong = labels.find((label) => !LABEL.test(label));
  if (wrong === undefined) return null;
  return wrong.length > 63
    ? "a label of it is over 63 characters long"
    : "it has characters other than letters, digits, - and _";
}

/** RFC 6761 §6.3: these names are this machine; no name server is asked for them. */
export function isLocalhost(name: string): boolean {
  return /(?:^|\.)localhost\.?$/.test(name);
}

/** Removes the trailing dot of a fully qualified name. */
function absolute(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
