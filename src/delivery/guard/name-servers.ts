// Looks up names at the name servers of DNS_SERVERS: both address families, and the TTL of the answer.
// Codes and behaviour are those of Bun 1.4.5's node:dns (c-ares), checked in name-servers.test.ts.
import { Resolver } from "node:dns/promises";
import { isLocalhost } from "./target.ts";
import { dnsCode, systemLookup, type FoundAddress, type Lookup } from "./resolve.ts";

/** c-ares counts whole seconds and waits longer with each try. */
const QUERY = { timeout: 1_000, tries: 2 };

/**
 * How long a channel is used. c-ares caches too: an answer for its whole TTL, an empty one for more than
 * a minute. A new channel has no cache and asks a server again that did not answer before.
 */
const CHANNEL_MS = 10_000;

/** How long to wait for the second family. RFC 8305 §3 has 50 ms, but a late answer may deny the name. */
const OTHER_FAMILY_MS = 1_000;
/** How long an answer of one family is cached if the other one failed. */
const HALF_ANSWER_MS = 5_000;

const NO_RECORDS = "ENOTFOUND";

interface FamilyAnswer {
  family: 4 | 6;
  found: readonly FoundAddress[];
  /** Null if the answer is complete; an answer without records is complete too. */
  code: string | null;
}

export interface NameServerOptions {
  /** `10.0.0.2`, `10.0.0.2:5353` or `[fd00::2]:53`, asked in this order. They must be recursive. */
  servers: readonly string[];
  /** Monotonic milliseconds. */
  nowMs?: () => number;
}

export function nameServerLookup({
  servers,
  nowMs = () => performance.now(),
}: NameServerOptions): Lookup {
  let channel: { resolver: Resolver; openedAtMs: number } | null = null;

  function resolver(): Resolver {
    if (channel === null || nowMs() - channel.openedAtMs >= CHANNEL_MS) {
      channel = { resolver: new Resolver(QUERY), openedAtMs: nowMs() };
      channel.resolver.setServers(servers);
    }
    return channel.resolver;
  }

  return async (name) => {
    if (isLocalhost(name)) return systemLookup(name);
    const asked = resolver();
    const answers = await bothFamilies(
      answerOf(asked.resolve4(name, { ttl: true }), 4),
      answerOf(asked.resolve6(name, { ttl: true }), 6),
    );
    const found = answers.flatMap((answer) => answer.found);
    const failed = answers.find((answer) => answer.code !== null);
    if (found.length === 0) throw new LookupError(failed?.code ?? NO_RECORDS);
    // A family that failed stops no delivery: only found addresses are checked, and no other is dialled.
    if (answers.length === 2 && failed === undefined) return found;
    return found.map((one) => ({ ...one, ttlMs: Math.min(one.ttlMs ?? 0, HALF_ANSWER_MS) }));
  };
}

/** Resolves with both answers, or with the first one that has addresses if the other one is late. */
async function bothFamilies(...asked: Promise<FamilyAnswer>[]): Promise<FamilyAnswer[]> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const answers: FamilyAnswer[] = [];
  let timer: Timer | undefined;
  for (const family of asked) {
    void family.then((answer) => {
      answers.push(answer);
      if (answers.length === asked.length) resolve();
      else if (answer.found.length > 0) timer = setTimeout(resolve, OTHER_FAMILY_MS);
    });
  }
  await promise;
  clearTimeout(timer);
  // IPv4 first: many containers have no IPv6 route.
  return answers.toSorted((a, b) => a.family - b.family);
}

async function answerOf(
  query: Promise<{ address: string; ttl: number }[]>,
  family: 4 | 6,
): Promise<FamilyAnswer> {
  try {
    const records = await query;
    const found = records.map(({ address, ttl }) => ({ address, family, ttlMs: ttl * 1_000 }));
    return { family, found, code: null };
  } catch (error) {
    const code = dnsCode(error);
    return { family, found: [], code: code === NO_RECORDS || code === "ENODATA" ? null : code };
  }
}

class LookupError extends Error {
  constructor(readonly code: string) {
    super(code);
    this.name = "LookupError";
  }
}
