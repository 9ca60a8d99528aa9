// Decides by an IP address's bytes whether a webhook of an unknown user may connect to it. Sources: the
// IANA special-purpose address registries (RFC 6890) and the addresses of cloud platforms' own services.
import ipaddr from "ipaddr.js";

export interface Address {
  address: string;
  family: 4 | 6;
}

export type AddressVerdict = { verdict: "allowed" } | { verdict: "denied"; range: string };

export type ParsedAddress = ipaddr.IPv4 | ipaddr.IPv6;
export type AddressRange = [ParsedAddress, number];

const ALLOWED: AddressVerdict = { verdict: "allowed" };

const named = (name: string, cidr: string) => ({
  name: `${name} ${cidr}`,
  range: ipaddr.parseCIDR(cidr),
});

const DENIED_IPV4 = [
  named("this network", "0.0.0.0/8"),
  named("private", "10.0.0.0/8"),
  named("shared address space", "100.64.0.0/10"),
  named("loopback", "127.0.0.0/8"),
  named("link-local", "169.254.0.0/16"),
  named("private", "172.16.0.0/12"),
  named("protocol assignments", "192.0.0.0/24"),
  named("documentation", "192.0.2.0/24"),
  named("6to4 relay", "192.88.99.0/24"),
  named("private", "192.168.0.0/16"),
  named("benchmarking", "198.18.0.0/15"),
  named("documentation", "198.51.100.0/24"),
  named("documentation", "203.0.113.0/24"),
  named("multicast", "224.0.0.0/4"),
  named("reserved", "240.0.0.0/4"),
  // A public address, but inside Azure a service of the host.
  named("Azure platform", "168.63.129.16/32"),
];

const DENIED_IPV6 = [
  named("unspecified", "::/128"),
  named("loopback", "::1/128"),
  // RFC 8215: the operator chooses the position of the IPv4 inside it, so that cannot be checked.
  named("local NAT64", "64:ff9b:1::/48"),
  named("discard-only", "100::/64"),
  named("protocol assignments", "2001::/23"),
  named("documentation", "2001:db8::/32"),
  named("6to4", "2002::/16"),
  named("documentation", "3fff::/20"),
  named("unique local", "fc00::/7"),
  named("link-local", "fe80::/10"),
  named("multicast", "ff00::/8"),
];

/** The only IPv6 range that IANA assigns for global unicast; everything outside is denied. */
const GLOBAL_UNICAST = ipaddr.parseCIDR("2000::/3");

/** IPv6 ranges whose last 32 bits are the IPv4 address that is really reached (RFC 4291, RFC 6052). */
const IPV4_INSIDE = [
  { name: "IPv4-mapped", range: ipaddr.parseCIDR("::ffff:0:0/96") },
  { name: "NAT64", range: ipaddr.parseCIDR("64:ff9b::/96") },
];

/** RFC 5214 §6.1: a router that supports ISATAP forwards to the IPv4 in the last 32 bits. */
const ISATAP_MARKS = [0x00005efe, 0x02005efe];

/** RFC 4291 §2.5.5.1. Deprecated, but a host with a `sit` interface still extracts the IPv4. */
const IPV4_COMPATIBLE = ipaddr.parseCIDR("::/96");

export function checkAddress(address: string | Uint8Array | ParsedAddress): AddressVerdict {
  const parsed = isParsed(address) ? address : parseAddress(address);
  if (parsed === null) return { verdict: "denied", range: "not an IP address" };
  if (parsed.kind() === "ipv4") return firstMatch(parsed, DENIED_IPV4);

  const embedded = embeddedIpv4(parsed);
  if (embedded !== null) return checkEmbedded(embedded.name, embedded.ipv4);
  const special = firstMatch(parsed, DENIED_IPV6);
  if (special.verdict === "denied") return special;
  if (!parsed.match(GLOBAL_UNICAST)) {
    return { verdict: "denied", range: "outside global unicast 2000::/3" };
  }
  return isIsatap(parsed) ? checkEmbedded("ISATAP", lastIpv4(parsed)) : ALLOWED;
}

/** Returns null for everything but one canonical address: no octal or short IPv4, no zone. */
export function parseAddress(address: string | Uint8Array): ParsedAddress | null {
  if (typeof address !== "string") {
    return address.length === 4 || address.length === 16
      ? ipaddr.fromByteArray([...address])
      : null;
  }
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address);
  if (!ipaddr.IPv6.isValid(address) || address.includes("%")) return null;
  if (!address.includes(".")) return ipaddr.IPv6.parse(address);
  const dotted = address.slice(address.lastIndexOf(":") + 1);
  if (!ipaddr.IPv4.isValidFourPartDecimal(dotted)) return null;
  // ipaddr.js parses `::8.8.8.8` as `::ffff:8.8.8.8`, which is another address (RFC 4291 §2.5.5).
  return ipaddr.IPv6.parse(address.startsWith("::" + dotted) ? `::0:${dotted}` : address);
}

/** Parses a range such as `10.0.0.0/8`, or a single address. Throws if the text is neither. */
export function parseRange(text: string): AddressRange {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const alone = ipaddr.parse(text);
  return [alone, alone.kind() === "ipv4" ? 32 : 128];
}

/** Returns the address that is really reached: the embedded IPv4, or the address itself. */
export function dialledAddress(address: ParsedAddress): ParsedAddress {
  if (address.kind() === "ipv4" || isUnspecified(address) || isLoopback(address)) return address;
  const inner = embeddedIpv4(address)?.ipv4;
  return inner ?? (address.match(IPV4_COMPATIBLE) ? lastIpv4(address) : address);
}

export function isLoopback(address: ParsedAddress): boolean {
  return address.range() === "loopback";
}

/** Connecting to it reaches this machine (on Linux and most other systems). */
export function isUnspecified(address: ParsedAddress): boolean {
  return address.range() === "unspecified";
}

/** Returns whether the address, or the IPv4 embedded in it, is in one of the ranges. */
export function isWithin(address: ParsedAddress, ranges: readonly AddressRange[]): boolean {
  const inner = address.kind() === "ipv6" ? embeddedIpv4(address)?.ipv4 : undefined;
  return ranges.some((range) => matches(address, range) || (inner && matches(inner, range)));
}

function embeddedIpv4(address: ParsedAddress): { name: string; ipv4: ipaddr.IPv4 } | null {
  const found = IPV4_INSIDE.find(({ range }) => address.match(range));
  return found ? { name: found.name, ipv4: lastIpv4(address) } : null;
}

function lastIpv4(address: ParsedAddress): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

function isIsatap(address: ParsedAddress): boolean {
  const mark = new DataView(new Uint8Array(address.toByteArray()).buffer).getUint32(8);
  return ISATAP_MARKS.includes(mark);
}

function checkEmbedded(name: string, ipv4: ipaddr.IPv4): AddressVerdict {
  const inner = firstMatch(ipv4, DENIED_IPV4);
  return inner.verdict === "allowed"
    ? inner
    : { verdict: "denied", range: `${name} around ${inner.range}` };
}

function firstMatch(address: ParsedAddress, denied: typeof DENIED_IPV4): AddressVerdict {
  const found = denied.find(({ range }) => address.match(range));
  return found ? { verdict: "denied", range: found.name } : ALLOWED;
}

function matches(address: ParsedAddress, range: AddressRange): boolean {
  return address.kind() === range[0].kind() && address.match(range);
}

function isParsed(address: string | Uint8Array | ParsedAddress): address is ParsedAddress {
  return address instanceof ipaddr.IPv4 || address instanceof ipaddr.IPv6;
}
