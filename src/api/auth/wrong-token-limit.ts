// Counts how often an address has sent a wrong token in the last minute. A right token is always accepted:
// otherwise a guesser behind the same proxy or NAT could lock out the application. Beyond the limit, a guesser
// gets no detailed answer and the log gets no more lines.
import ipaddr from "ipaddr.js";
import { FixedWindow } from "../http/fixed-window.ts";

const MAX_PER_WINDOW = 10;
const WINDOW_MS = 60_000;
/** An attacker may have many addresses. */
const MAX_ADDRESSES = 10_000;

export type WrongToken =
  { limited: false } | { limited: true; retryAfterS: number; isFirst: boolean; source: string };

export class WrongTokenLimit {
  readonly #windows: FixedWindow<string>;

  constructor(maxAddresses = MAX_ADDRESSES) {
    this.#windows = new FixedWindow(WINDOW_MS, maxAddresses);
  }

  get size(): number {
    return this.#windows.size;
  }

  /** Counts one more wrong token from this address. Returns whether it is over the limit. */
  count(address: string | null, now: Date): WrongToken {
    const source = sourceOf(address);
    const { count, retryAfterS } = this.#windows.count(source, now.getTime());
    if (count <= MAX_PER_WINDOW) return { limited: false };
    return { limited: true, retryAfterS, isFirst: count === MAX_PER_WINDOW + 1, source };
  }
}

/** An IPv6 host can use its whole /64 (RFC 6177 §2), so a /64 is counted as one address. */
export function sourceOf(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(":")}::/64`;
}
