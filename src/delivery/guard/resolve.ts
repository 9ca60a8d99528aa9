// Resolves names for the guard. Answers are cached for their TTL, within bounds, so that the guard checks a
// name again after it moved. Concurrent attempts to one name share one look-up.
import { BoundedMap } from "../../bounded-map.ts";
import type { Address } from "./address.ts";
import { orderAddresses } from "./address-order.ts";
import { raceWithin, type EXPIRED, type Limit } from "../../deadline.ts";
import { isLocalhost } from "./target.ts";

export type Resolution =
  | { kind: "resolved"; /** In the order of `orderAddresses`. */ addresses: readonly Address[] }
  | { kind: "unresolved"; code: string };

export interface FoundAddress extends Address {
  /** Missing if the look-up does not return it. */
  ttlMs?: number;
}

export type Lookup = (name: string) => Promise<readonly FoundAddress[]>;

/** Returns the same object while the answer is cached, so that verdicts about it can be cached too. */
export type Resolve = (
  name: string,
  limit: Limit,
) => Resolution | Promise<Resolution | typeof EXPIRED>;

export interface ResolverOptions {
  lookup?: Lookup;
  /** Monotonic milliseconds. */
  nowMs?: () => number;
  /** How long an answer without a TTL is cached. */
  keepMs?: number;
  keepFailureMs?: number;
  /** A look-up without an answer is shared for at most this long. */
  shareMs?: number;
  maxNames?: number;
}

/** With a TTL of 0, every attempt would wait for the name server. */
const MIN_TTL_MS = 1_000;
/** A receiver that moves is found within this time, whatever its TTL is. */
const MAX_TTL_MS = 60_000;
/** An answer over TCP could hold thousands, and the cache holds thousands of names (guarantee 6). */
const MAX_ADDRESSES = 64;

interface LookupAnswer {
  resolution: Resolution;
  /** Null if the look-up returned none. */
  ttlMs: number | null;
}

interface Pending {
  startedAtMs: number;
  answer: Promise<Resolution>;
}

export function createResolver({
  lookup = systemLookup,
  nowMs = () => performance.now(),
  keepMs = 5_000,
  keepFailureMs = 1_000,
  shareMs = 30_000,
  maxNames = 4_096,
}: ResolverOptions = {}): Resolve {
  const answers = new BoundedMap<string, { expiresAtMs: number; resolution: Resolution }>(maxNames);
  const pending = new Map<string, Pending>();

  function keep(name: string, { resolution, ttlMs }: LookupAnswer): void {
    answers.delete(name);
    const ms = resolution.kind === "resolved" ? (ttlMs ?? keepMs) : keepFailureMs;
    answers.set(name, { expiresAtMs: nowMs() + ms, resolution });
  }

  function begin(name: string): Pending {
    const started: Pending = {
      startedAtMs: nowMs(),
      answer: ask(lookup, name).then((answer) => {
        if (pending.get(name) === started) {
          pending.delete(name);
          keep(name, answer);
        }
        return answer.resolution;
      }),
    };
    pending.set(name, started);
    return started;
  }

  return (name, limit) => {
    const known = answers.get(name);
    if (known && nowMs() < known.expiresAtMs) return known.resolution;
    const shared = pending.get(name);
    const isFresh = shared && nowMs() - shared.startedAtMs < shareMs;
    return raceWithin(limit, (isFresh ? shared : begin(name)).answer);
  };
}

async function ask(lookup: Lookup, name: string): Promise<LookupAnswer> {
  try {
    const found = await lookup(name);
    if (found.length === 0) return unresolved("ENODATA");
    if (found.length > MAX_ADDRESSES) return unresolved(`over ${MAX_ADDRESSES} addresses`);
    const addresses = orderAddresses(found);
    return { resolution: { kind: "resolved", addresses }, ttlMs: shortestTtl(found) };
  } catch (error) {
    return unresolved(dnsCode(error));
  }
}

function unresolved(code: string): LookupAnswer {
  return { resolution: { kind: "unresolved", code }, ttlMs: null };
}

function shortestTtl(found: readonly FoundAddress[]): number | null {
  const ttls = found.flatMap(({ ttlMs }) => ttlMs ?? []);
  if (ttls.length === 0) return null;
  return Math.min(Math.max(Math.min(...ttls), MIN_TTL_MS), MAX_TTL_MS);
}

/**
 * Looks up a name with the system's resolver, which reads /etc/hosts too. Bun's look-up is asynchronous on
 * Linux, so names that hang occupy no threads.
 */
export async function systemLookup(name: string): Promise<readonly FoundAddress[]> {
  // The system does not resolve `localhost.` and names below `localhost`.
  const found = await Bun.dns.lookup(isLocalhost(name) ? "localhost" : name);
  return found.map(({ address, family }) => ({ address, family }));
}

export function dnsCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code.replace(/^DNS_/, "") : "EUNKNOWN";
}
