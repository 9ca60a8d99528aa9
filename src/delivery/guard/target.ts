// A webhook's URL taken apart once for all its attempts: what is judged, what is dialled, what is
// shown. Everything comes from the parsed URL, never from its text.
import { BoundedMap } from "../../bounded-map.ts";
import { parseAddress, type Address } from "./address.ts";
import { hostNameProblem } from "./host-name.ts";

export interface Target {
  protocol: string;
  isTls: boolean;
  /** The name as the resolver takes it; an IPv6 literal is without brackets. */
  hostname: string;
  port: number;
  /** Set where the host is an address already and nothing has to be resolved. */
  literal: Address | null;
  /** Why the host is neither an address nor a name that could be looked up, or null. */
  nameProblem: string | null;
  /** With the port where it is not the scheme's own (RFC 9110 §7.2). */
  hostHeader: string;
  /** What the certificate has to be for, and SNI; null for an address (RFC 6066 §3). */
  serverName: string | null;
  pathAndQuery: string;
  /** Basic credentials out of the URL (RFC 7617), or null. */
  authorization: string | null;
  /** The URL without query, fragment and credentials, for logs (guarantee 9). */
  endpoint: string;
}

const MAX_TARGETS = 4096;
const targets = new BoundedMap<string, Target | null>(MAX_TARGETS);

/** Null where the text is no URL. The same text gives the same object while it is cached. */
export function readTarget(url: string): Target | null {
  const known = targets.get(url);
  if (known !== undefined) return known;
  const target = URL.canParse(url) ? takeApart(new URL(url)) : null;
  targets.set(url, target);
  return target;
}

function takeApart(url: URL): Target {
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
    // SNI has no trailing dot, though the name may have one (RFC 6066 §3).
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
