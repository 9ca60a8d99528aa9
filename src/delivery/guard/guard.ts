// Decides whether a webhook's target may be dialled and at which addresses; `send` dials no other
// (guarantee 7). This protects Fluxhook's own network from its users' URLs (SSRF).
import { BoundedMap } from "../../bounded-map.ts";
import {
  isWithin,
  checkAddress,
  parseAddress,
  parseRange,
  type Address,
  type AddressVerdict,
} from "./address.ts";
import { EXPIRED, type Deadline } from "../../deadline.ts";
import { isLocalhost } from "./target.ts";
import type { OwnListeners } from "./own-ports.ts";
import * as refusal from "./refusal.ts";
import type { GuardRefusal } from "./refusal.ts";
import type { Resolution, Resolve } from "./resolve.ts";
import type { Target } from "./target.ts";

export type Verdict =
  | { verdict: "allowed"; target: Target; addresses: readonly Address[] }
  | ({
      verdict: "blocked";
      /** The verdict depends on the name's current addresses, so a later one may differ. */
      mayPass: boolean;
    } & GuardRefusal)
  | { verdict: "unresolved"; reason: "dns" | "timeout"; detail: string | null };

export interface Guard {
  /** Checks a target; null stands for a URL that could not be parsed. */
  check(target: Target | null, deadline: Deadline): Verdict | Promise<Verdict>;
}

export interface GuardOptions {
  /** Address ranges exempt from the guard, on any port and over plain http (`EGRESS_ALLOW`). */
  allowRanges: readonly string[];
  /** Ports that are allowed at all other addresses (`EGRESS_PORTS`). */
  ports: readonly { from: number; to: number }[];
  /** Whether plain http to public addresses is allowed (`EGRESS_HTTP`). */
  allowHttp: boolean;
  resolve: Resolve;
  /** Fluxhook's own ports: denied even at exempt addresses. */
  ownListeners?: Pick<OwnListeners, "hasPort" | "find">;
}

const MAX_JUDGED = 4_096;

export function createGuard(options: GuardOptions): Guard {
  const { ports, allowHttp, resolve, ownListeners } = options;
  const exempt = options.allowRanges.map(parseRange);
  // A verdict depends only on the target and its resolution, so it is valid as long as both are.
  const cached = new WeakMap<Target, { resolution: Resolution; verdict: Verdict }>();
  const judged = new BoundedMap<string, AddressVerdict | "exempt">(MAX_JUDGED);

  /** Returns why scheme or port are denied at an address that is not exempt, or null. */
  function schemeAndPortProblem(target: Target): GuardRefusal | null {
    if (!target.isTls && !allowHttp) return refusal.plainHttp();
    const isOpen = ports.some(({ from, to }) => target.port >= from && target.port <= to);
    return isOpen ? null : refusal.closedPort(target, ports);
  }

  /** Many webhooks have the same few addresses, and what is said of an address depends on nothing else. */
  function judgeAddress(address: string): AddressVerdict | "exempt" {
    const known = judged.get(address);
    if (known !== undefined) return known;
    const parsed = parseAddress(address);
    const found =
      parsed !== null && isWithin(parsed, exempt) ? "exempt" : checkAddress(parsed ?? address);
    judged.set(address, found);
    return found;
  }

  function addressProblem(target: Target, address: string): GuardRefusal | null {
    const found = judgeAddress(address);
    if (found === "exempt") return null;
    return found.verdict === "denied"
      ? refusal.deniedAddress(target, address, found.range)
      : schemeAndPortProblem(target);
  }

  /** Returns whether the target's name could get other addresses that are allowed. */
  function dependsOnAddress(target: Target): boolean {
    return (
      hasOtherAddresses(target) && (exempt.length > 0 || schemeAndPortProblem(target) === null)
    );
  }

  function checkResolution(target: Target, resolution: Resolution): Verdict {
    if (resolution.kind === "unresolved") {
      // If no address is exempt, no address that the name may get later would allow scheme and port.
      const problem = exempt.length === 0 ? schemeAndPortProblem(target) : null;
      return problem
        ? blocked(problem, false)
        : { verdict: "unresolved", reason: "dns", detail: resolution.code };
    }
    for (const { address } of resolution.addresses) {
      // One denied address denies the name: whether it is dialled must not depend on chance.
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

  /** Denies Fluxhook's own ports. Never cached: this machine's addresses change, and Valkey moves. */
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
      // Other schemes have nothing to dial.
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

/** False for a literal address and for `localhost`, which is always this machine (RFC 6761 §6.3). */
function hasOtherAddresses({ literal, hostname }: Target): boolean {
  return literal === null && !isLocalhost(hostname);
}

function blocked(problem: GuardRefusal, mayPass: boolean): Verdict {
  return { verdict: "blocked", mayPass, ...problem };
}
