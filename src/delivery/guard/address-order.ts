// Defines the order in which a name's addresses are dialled (RFC 8305 §4). It depends only on the
// addresses, so a name server that rotates its answers does not change it.
import { parseAddress, type Address } from "./address.ts";

/** Sorts by number, removes duplicates, and alternates between IPv4 and IPv6. */
export function orderAddresses(addresses: readonly Address[]): Address[] {
  const distinct = new Map(addresses.map(({ address, family }) => [address, { address, family }]));
  const sorted = [...distinct.values()].toSorted(byNumber);
  const v4 = sorted.filter(({ family }) => family === 4);
  const v6 = sorted.filter(({ family }) => family === 6);
  const ordered: Address[] = [];
  for (let i = 0; i < sorted.length; i++) {
    // IPv4 first: many containers have no IPv6 route.
    ordered.push(...v4.slice(i, i + 1), ...v6.slice(i, i + 1));
  }
  return ordered;
}

function byNumber(a: Address, b: Address): number {
  return Buffer.compare(bytesOf(a), bytesOf(b));
}

function bytesOf({ address }: Address): Uint8Array {
  const parsed = parseAddress(address);
  // The guard denies what is not an address; here it only needs a position.
  return parsed === null ? Buffer.from(address) : Uint8Array.from(parsed.toByteArray());
}
