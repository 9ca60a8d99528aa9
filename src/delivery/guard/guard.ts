// Decides whether a webhook's target may be dialled and at which addresses; `send` dials nothing
// else (guarantee 7). Protects the network that Fluxhook stands in from its users' URLs (SSRF).
import { isWithin, checkAddress, parseAddress, parseRange, type Address } from "./address.ts";
import { EXPIRED, type Deadline } from "../../deadline.ts";
import { isLocalhost } from "./host-name.ts";
import type { OwnListeners } from "./own-ports.ts";
import * as refusal from "./refusal.ts";
import type { GuardRefusal } from "./refusal.ts";
import type { Resolution, Resolve } from "./resolve.ts";
import type { Target } from "./target.ts";

export type Verdict =
  | { verdict: "allowed"; target: Target; addresses: readonly Address[] }
  | ({
      verdict: "blocked";
      /** It follows from the addresses that a name has now: it may pass by itself. */
      mayPass: boolean;
    } & GuardRefusal)
  | { verdict: "unresolved"; reason: "dns" | "timeout"; detail: string | null };

export interface Guard {
  /** `target` is null where a URL could not be parsed. */
  check(target: Target | null, deadline: Deadline): Verdict | Promise<Verdict>;
}

export interface GuardOptions {
  /** Exempt from the guard, on any port and over plain http (`EGRESS_ALLOW`). */
  allowRanges: readonly string[];
  /** Ports of everybody else (`EGRESS_PORTS`). */
  ports: readonly { from: number; to: number }[];
  /** Plain http to public addresses (`EGRESS_HTTP`). */
  allowHttp: boolean;
  resolve: Resolve;
  /** Denied whatever is exempt. */
  ownListeners?: Pick<OwnListeners, "hasPort" | "find">;
}

export function createGuard(options: GuardOptions): Guard {
  const { ports, allowHttp, resolve, ownListeners } = options;
  const exempt = options.allowRanges.map(parseRange);
  // A verdict follows from the target and its resolution alone, so it lives as long as that.
  const cached = new WeakMap<Target, { resolution: Resolution; verdict: Verdict }>();

  /** What is wrong with this target at an address that is not exempt, or null. */
  function schemeAndPortProblem(target: Target): GuardRefusal | null {
    if (!target.isTls && !allowHttp) return refusal.plainHttp();
    const isOpen = ports.some(({ from, to }) => target.port >= from && target.port <= to);
    return isOpen ? null : refusal.closedPort(target, ports);
  }

  function addressProblem(target: Target, address: string): GuardRefusal | null {
    const parsed = parseAddress(address);
    if (parsed !== null && isWithin(parsed, exempt)) return null;
    const found = checkAddress(parsed ?? address);
    return found.verdict === "denied"
      ? refusal.deniedAddress(target, address, found.range)
      : schemeAndPortProblem(target);
  }

  /** Whether the target's name could have another address, and that one be allowed. */
  function dependsOnAddress(target: Target): boolean {
    return (
      hasOtherAddresses(target) && (exempt.length > 0 || schemeAndPortProblem(target) === null)
    );
  }

  function checkResolution(target: Target, resolution: Resolution): Verdict {
    if (resolution.kind === "unresolved") {
      // Where no address is exempt, none that the name may get one day would open scheme and port.
      const problem = exempt.length === 0 ? schemeAndPortProblem(target) : null;
      return problem
        ? blocked(problem, false)
        : { verdict: "unresolved", reason: "dns", detail: resolution.code };
    }
    for (const { address } of resolution.addresses) {
      // One denied address denies the name: which of them is dialled must not be left to luck.
      const problem = addressProblem(target, address);
      if (problem !== null) return blocked(problem, dependsOnAddress(target));
    }
    return { verdict: "allowed", target, addresses: resolution.addresses };
  }

  function checkCached(target: Target, resolution: Resolution): Verdict {
    const known = cached.get(target);
    if (known?.resolution === resolution) return known.verdict;
    const verdict = checkResolution(target, resolution);
    cached.set(target, { resolution, verdict });
    return verdict;
  }

  async function checkAfterLookup(
    target: Target,
    lookup: Promise<Resolution | typeof EXPIRED>,
  ): Promise<Verdict> {
    const resolution = await lookup;
    return resolution === EXPIRED
      ? { verdict: "unresolved", reason: "timeout", detail: "name look-up" }
      : checkCached(target, resolution);
  }

  function checkAddresses(target: Target, deadline: Deadline): Verdict | Promise<Verdict> {
    if (target.literal) {
      const known = cached.get(target);
      if (known) return known.verdict;
      return checkCached(target, { kind: "resolved", addresses: [target.literal] });
    }
    const { nameProblem } = target;
    if (nameProblem !== null) return blocked(refusal.noName(target, nameProblem), false);
    const resolution = resolve(target.hostname, deadline);
    return resolution instanceof Promise
      ? checkAfterLookup(target, resolution)
      : checkCached(target, resolution);
  }

  /** Never remembered: this machine's addresses change, and Valkey moves. */
  async function denyOwnListeners(
    checking: Verdict | Promise<Verdict>,
    own: Pick<OwnListeners, "find">,
    deadline: Deadline,
  ): Promise<Verdict> {
    const verdict = await checking;
    if (verdict.verdict !== "allowed") return verdict;
    const { target, addresses } = verdict;
    const found = await own.find(addresses, target.port, deadline);
    if (found.kind === "own") {
      const problem = refusal.ownListener(target, found.address, found.name);
      return blocked(problem, hasOtherAddresses(target));
    }
    return found.kind === "other"
      ? verdict
      : { verdict: "unresolved", reason: found.reason, detail: found.detail };
  }

  return {
    check(target, deadline) {
      if (target === null) return blocked(refusal.noUrl(), false);
      // There is nothing to dial for any other scheme.
      if (target.protocol !== "https:" && target.protocol !== "http:") {
        return blocked(refusal.wrongScheme(target), false);
      }
      const checking = checkAddresses(target, deadline);
      return ownListeners?.hasPort(target.port)
        ? denyOwnListeners(checking, ownListeners, deadline)
        : checking;
    },
  };
}

/** `localhost` is this machine at every attempt (RFC 6761 §6.3), as a literal address is itself. */
function hasOtherAddresses({ literal, hostname }: Target): boolean {
  return literal === null && !isLocalhost(hostname);
}

function blocked(problem: GuardRefusal, mayPass: boolean): Verdict {
  return { verdict: "blocked", mayPass, ...problem };
}
