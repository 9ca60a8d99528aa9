// Resolves names for the guard. Answers are kept for seconds only, so that a name which moves is
// judged anew, and concurrent attempts to one name share one look-up.
import type { Address } from "./address.ts";
import { EXPIRED, type Deadline } from "./deadline.ts";

export type Resolution =
  { kind: "resolved"; addresses: readonly Address[] } | { kind: "unresolved"; code: string };

export type Lookup = (name: string) => Promise<readonly Address[]>;

/** The same object as before while the answer is cached: what was judged of it still holds. */
export type Resolve = (
  name: string,
  deadline: Deadline,
) => Resolution | Promise<Resolution | typeof EXPIRED>;

export interface ResolverOptions {
  lookup?: Lookup;
  /** Monotonic milliseconds. */
  nowMs?: () => number;
  keepMs?: number;
  keepFailureMs?: number;
  /** A look-up without an answer is shared no longer than this. */
  shareMs?: number;
  maxNames?: number;
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
  const answers = new Map<string, { expiresAtMs: number; resolution: Resolution }>();
  const pending = new Map<string, Pending>();

  function keep(name: string, resolution: Resolution): void {
    answers.delete(name);
    if (answers.size >= maxNames) {
      for (const oldest of answers.keys()) {
        answers.delete(oldest);
        break;
      }
    }
    const ms = resolution.kind === "resolved" ? keepMs : keepFailureMs;
    answers.set(name, { expiresAtMs: nowMs() + ms, resolution });
  }

  function begin(name: string): Pending {
    const started: Pending = {
      startedAtMs: nowMs(),
      answer: ask(lookup, name).then((resolution) => {
        if (pending.get(name) === started) {
          pending.delete(name);
          keep(name, resolution);
        }
        return resolution;
      }),
    };
    pending.set(name, started);
    return started;
  }

  return (name, deadline) => {
    const known = answers.get(name);
    if (known && nowMs() < known.expiresAtMs) return known.resolution;
    const shared = pending.get(name);
    const isFresh = shared && nowMs() - shared.startedAtMs < shareMs;
    return deadline.race((isFresh ? shared : begin(name)).answer);
  };
}

async function ask(lookup: Lookup, name: string): Promise<Resolution> {
  try {
    const addresses = await lookup(name);
    return addresses.length > 0
      ? { kind: "resolved", addresses }
      : { kind: "unresolved", code: "ENODATA" };
  } catch (error) {
    return { kind: "unresolved", code: codeOf(error) };
  }
}

/** Bun's own look-up is asynchronous on Linux: names that hang use up no pool of threads. */
async function systemLookup(name: string): Promise<readonly Address[]> {
  const found = await Bun.dns.lookup(name);
  return found.map(({ address, family }) => ({ address, family }));
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code.replace(/^DNS_/, "") : "EUNKNOWN";
}
