// Finds the host that a redirect points to, for the public log. Any user may read that, so a host that
// may be internal is left out.
import { checkAddress, parseAddress } from "./address.ts";
import type { Target } from "./target.ts";

/** RFC 1035 §2.3.4, without the trailing dot. */
const MAX_NAME_LENGTH = 253;

/** RFC 6761 §6.3, RFC 6762 §3 and appendix G, RFC 8375, and `.internal`, which ICANN reserves. */
const INTERNAL_NAME =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|home\.arpa)$/;

/**
 * Returns the host without port, path, query and credentials. Null if `location` is not an http(s) URL,
 * or if its host may be internal and is not the webhook's own.
 */
export function redirectHost(location: string, target: Target): string | null {
  // Heads are decoded as Latin-1, but a name outside ASCII is UTF-8.
  const reference = Buffer.from(location, "latin1").toString();
  if (!URL.canParse(reference, target.endpoint)) return null;
  const { protocol, hostname } = new URL(reference, target.endpoint);
  if (protocol !== "http:" && protocol !== "https:") return null;
  const host = hostname.replace(/\.$/, "");
  if (host === "" || host.length > MAX_NAME_LENGTH) return null;
  const address = host.startsWith("[") ? host.slice(1, -1) : host;
  const isOwn = address === target.hostname.replace(/\.$/, "");
  return isOwn || isPublic(address) ? host : null;
}

function isPublic(host: string): boolean {
  const address = parseAddress(host);
  if (address !== null) return checkAddress(address).verdict === "allowed";
  // A name with one label is resolved in a private network.
  return host.includes(".") && !INTERNAL_NAME.test(host);
}
