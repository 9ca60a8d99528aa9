// Decides whether a webhook's target may be dialled and at which addresses; `send` dials nothing
// else (guarantee 7). Protects the network that Fluxhook stands in from its users' URLs (SSRF).
import {
  isWithin,
  judgeAddress,
  parseAddress,
  parseRange,
  type Address,
  type AddressRange,
} from "./address.ts";
import { EXPIRED, type Deadline } from "./deadline.ts";
import type { Resolution, Resolve } from "./resolve.ts";
import type { Target } from "./target.ts";

export type Verdict =
  | { verdict: "allowed"; target: Target; addresses: readonly Address[] }
  | { verdict: "blocked"; detail: string }
  | { verdict: "unresolved"; reason: "dns" | "timeout"; detail: string | null };

export interface Guard {
  /** `target` is null where a URL could not be parsed. */
  judge(target: Target | null, deadline: Deadline): Verdict | Promise<Verdict>;
}

export interface GuardOptions {
  /** Exempt from the guard, on any port and over plain http (`EGRESS_ALLOW`). */
  allowRanges: readonly string[];
  /** Ports of everybody else (`EGRESS_PORTS`). */
  ports: readonly { from: number; to: number }[];
  /** Plain http to public addresses (`EGRESS_HTTP`). */
  allowHttp: boolean;
  resolve: Resolve;
}

export function createGuard({ allowRanges, ports, allowHttp, resolve }: GuardOptions): Guard {
  const exempt = allowRanges.map(parseRange);
  // A verdict follows from the target and its resolution alone, so it lives as long as that.
  const judged = new WeakMap<Target, { resolution: Resolution; verdict: Verdict }>();

  /** What is wrong with this target at an address that is not exempt, or null. */
  function rulesOfOthers(target: Target): string | null {
    if (!target.isTls && !allowHttp) return "plain http is not enabled (EGRESS_HTTP)";
    const isOpen = ports.some(({ from, to }) => target.port >= from && target.port <= to);
    return isOpen ? null : `port ${target.port} is not in EGRESS_PORTS`;
  }

  function judgeResolution(target: Target, resolution: Resolution): Verdict {
    if (resolution.kind === "unresolved") {
      return { verdict: "unresolved", reason: "dns", detail: resolution.code };
    }
    for (const { address } of resolution.addresses) {
      // One denied address denies the name: which of them is dialled must not be left to luck.
      const problem = addressProblem(address, exempt, () => rulesOfOthers(target));
      if (problem !== null) return { verdict: "blocked", detail: problem };
    }
    return { verdict: "allowed", target, addresses: resolution.addresses };
  }

  function remember(target: Target, resolution: Resolution): Verdict {
    const known = judged.get(target);
    if (known?.resolution === resolution) return known.verdict;
    const verdict = judgeResolution(target, resolution);
    judged.set(target, { resolution, verdict });
    return verdict;
  }

  async function afterLookup(
    target: Target,
    lookup: Promise<Resolution | typeof EXPIRED>,
  ): Promise<Verdict> {
    const resolution = await lookup;
    return resolution === EXPIRED
      ? { verdict: "unresolved", reason: "timeout", detail: "name look-up" }
      : remember(target, resolution);
  }

  return {
    judge(target, deadline) {
      if (target === null) return { verdict: "blocked", detail: "the URL cannot be parsed" };
      // fetch would answer 200 to file: and data: too.
      if (target.protocol !== "https:" && target.protocol !== "http:") {
        return { verdict: "blocked", detail: `the scheme ${target.protocol} is not http or https` };
      }
      if (target.literal) {
        const known = judged.get(target);
        if (known) return known.verdict;
        return remember(target, { kind: "resolved", addresses: [target.literal] });
      }
      const resolution = resolve(target.hostname, deadline);
      return resolution instanceof Promise
        ? afterLookup(target, resolution)
        : remember(target, resolution);
    },
  };
}

function addressProblem(
  address: string,
  exempt: readonly AddressRange[],
  rulesOfOthers: () => string | null,
): string | null {
  const parsed = parseAddress(address);
  if (parsed !== null && isWithin(parsed, exempt)) return null;
  const judgement = judgeAddress(parsed ?? address);
  if (judgement.verdict === "denied") return `${address} is ${judgement.range}`;
  return rulesOfOthers();
}
