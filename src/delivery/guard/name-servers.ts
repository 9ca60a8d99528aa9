// Looks names up at the name servers of DNS_SERVERS: both families, and how long the answer holds.
// Codes and behaviour are those of Bun 1.4.5's node:dns (c-ares), found by playing each case.
import { Resolver } from "node:dns/promises";
import { isLocalhost } from "./host-name.ts";
import { dnsCode, systemLookup, type FoundAddress, type Lookup } from "./resolve.ts";

/** c-ares counts in whole seconds, and longer with each try. */
const QUERY = { timeout: 1_000, tries: 2 };

/**
 * c-ares keeps answers too: each for its whole TTL, and one without any record for longer than
 * a minute. A new channel knows none, and asks a server again that did not answer.
 */
const CHANNEL_MS = 10_000;

/** RFC 8305 §3 has 50 ms; here a late one may still show that the name is a denied one. */
const OTHER_FAMILY_MS = 1_000;
/** What one family alone answered is asked for again soon. */
const HALF_ANSWER_MS = 5_000;

const NO_RECORDS = "ENOTFOUND";

interface FamilyAnswer {
  family: 4 | 6;
  found: readonly FoundAddress[];
  /** Null where the answer is whole; no records are an answer too. */
  code: string | null;
}

export interface NameServerOptions {
  /** `10.0.0.2`, `10.0.0.2:5353` or `[fd00::2]:53`, asked in this order. They have to recurse. */
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
    // A family that failed stops no delivery: only what was found is judged, and only that is dialled.
    if (answers.length === 2 && failed === undefined) return found;
    return found.map((one) => ({ ...one, ttlMs: Math.min(one.ttlMs ?? 0, HALF_ANSWER_MS) }));
  };
}

/** Both answers, or the first that has addresses where the other one is late. */
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
  // IPv4 first: many a container has no way out over IPv6.
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
