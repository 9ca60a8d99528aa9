// How often an address has shown a wrong token of late. A right token is accepted whatever stands
// here: behind one proxy or NAT a guesser would else lock out the application itself. What the limit
// takes away is the guesser's answer in detail, and the noise in the log.
import ipaddr from "ipaddr.js";

const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Guarantee 6: an attacker has many addresses; past this the one that has failed longest ago goes. */
const MOST_ADDRESSES = 10_000;

interface Window {
  failures: number;
  endsAtMs: number;
}

export type Failure =
  { limited: false } | { limited: true; retryAfterS: number; isFirst: boolean; source: string };

export class FailedAuthentications {
  /** In the order in which their windows began, which is the order in which they end. */
  readonly #windows = new Map<string, Window>();

  constructor(private readonly mostAddresses = MOST_ADDRESSES) {}

  get size(): number {
    return this.#windows.size;
  }

  /** Counts one more of this address, and says whether it is one too many. */
  count(address: string | null, now: Date): Failure {
    const source = sourceOf(address);
    const window = this.#windowOf(source, now.getTime());
    window.failures += 1;
    if (window.failures <= MOST_FAILURES) return { limited: false };
    return {
      limited: true,
      retryAfterS: Math.ceil((window.endsAtMs - now.getTime()) / 1_000),
      isFirst: window.failures === MOST_FAILURES + 1,
      source,
    };
  }

  #windowOf(source: string, nowMs: number): Window {
    const current = this.#windows.get(source);
    if (current && nowMs < current.endsAtMs) return current;
    this.#windows.delete(source);
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined && this.#windows.size >= this.mostAddresses) {
      this.#windows.delete(oldest);
    }
    const window = { failures: 0, endsAtMs: nowMs + WINDOW_MS };
    this.#windows.set(source, window);
    return window;
  }
}

/** An IPv6 host has its whole /64 to ask from (RFC 6177 §2), so that is counted as one. */
export function sourceOf(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const network = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(":")}::/64`;
}
