// Counts how often an address has sent a wrong token or signature in the last minute. A right one is always
// accepted: otherwise a guesser behind the same proxy or NAT could lock out the application. Beyond the limit, a
// guesser gets no detailed answer and the log gets no more lines.
import ipaddr from "ipaddr.js";
import { FixedWindow } from "./fixed-window.ts";

/** Of the API, per address and minute. */
export const MAX_WRONG_TOKENS = 10;
const WINDOW_MS = 60_000;
/** An attacker may have many addresses. */
const MAX_ADDRESSES = 10_000;

export type CountedFailure =
  { limited: false } | { limited: true; retryAfterS: number; isFirst: boolean; source: string };

export class FailureLimit {
  readonly #windows: FixedWindow<string>;

  constructor(
    private readonly maxPerWindow: number,
    maxAddresses = MAX_ADDRESSES,
  ) {
    this.#windows = new FixedWindow(WINDOW_MS, maxAddresses);
  }

  get size(): number {
    return this.#windows.size;
  }

  /** Counts one more failure of this address. Returns whether it is over the limit. */
  count(address: string | null, now: Date): CountedFailure {
    const source = sourceOf(address);
    const { count, retryAfterS } = this.#windows.count(source, now.getTime());
    if (count <= this.maxPerWindow) return { limited: false };
    return { limited: true, retryAfterS, isFirst: count === this.maxPerWindow + 1, source };
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
