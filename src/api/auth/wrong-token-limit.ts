// Counts how often an address sent a wrong token lately. A right token is accepted whatever the count is:
// otherwise someone who guesses from behind the same proxy or NAT could lock out the application. The limit
// takes away the guesser's detailed answer, and the noise in the log.
import ipaddr from "ipaddr.js";
import { FixedWindow } from "../http/fixed-window.ts";

const MAX_PER_WINDOW = 10;
const WINDOW_MS = 60_000;
/** An attacker has many addresses. */
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

  /** Counts one more wrong token from this address, and says whether it is one too many. */
  count(address: string | null, now: Date): WrongToken {
    const source = sourceOf(address);
    const { count, retryAfterS } = this.#windows.count(source, now.getTime());
    if (count <= MAX_PER_WINDOW) return { limited: false };
    return { limited: true, retryAfterS, isFirst: count === MAX_PER_WINDOW + 1, source };
  }
}

/** An IPv6 host has its whole /64 to ask from (RFC 6177 §2), so the /64 is counted as one. */
export function sourceOf(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(":")}::/64`;
}
