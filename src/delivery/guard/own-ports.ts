// Finds out whether an address and port belong to Fluxhook's own API or its Valkey. No webhook may reach
// them, whatever EGRESS_ALLOW allows: the request would come from inside the network.
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import {
  dialledAddress,
  isLoopback,
  isUnspecified,
  parseAddress,
  type Address,
  type ParsedAddress,
} from "./address.ts";
import { EXPIRED, type Deadline } from "../../deadline.ts";
import { createResolver, type Resolution } from "./resolve.ts";

export interface OwnListener {
  /** The name in verdicts: `Fluxhook's own API`. */
  name: string;
  /** An address, a name, or the wildcard address if it listens on all addresses. */
  host: string;
  port: number;
}

export type OwnVerdict =
  | { kind: "other" }
  | { kind: "own"; name: string; address: string }
  /** The listener's own address cannot be determined now. */
  | { kind: "unresolved"; reason: "dns" | "timeout"; detail: string };

export interface OwnListeners {
  add(listener: OwnListener): void;
  /** Returns whether a listener has this port. If none has, the addresses need no check. */
  hasPort(port: number): boolean;
  find(addresses: readonly Address[], port: number, deadline: Deadline): Promise<OwnVerdict>;
}

export interface OwnListenersOptions {
  /** This machine's own addresses. */
  localAddresses?: () => readonly string[];
}

export function createOwnListeners({
  localAddresses = interfaceAddresses,
}: OwnListenersOptions = {}): OwnListeners {
  const listeners: OwnListener[] = [];
  // Uses the system's resolver, as the connection to Valkey does, and not DNS_SERVERS.
  const resolve = createResolver({
    lookup: async (name) =>
      (await lookup(name, { all: true })).map(({ address, family }) => ({
        address,
        family: family === 6 ? 6 : 4,
      })),
  });

  async function resolveHost(
    host: string,
    deadline: Deadline,
  ): Promise<Resolution | typeof EXPIRED> {
    const literal = parseAddress(host);
    if (literal === null) return resolve(host, deadline);
    const family = literal.kind() === "ipv4" ? 4 : 6;
    return { kind: "resolved", addresses: [{ address: host, family }] };
  }

  return {
    add: (listener) => void listeners.push(listener),
    hasPort: (port) => listeners.some((listener) => listener.port === port),
    async find(addresses, port, deadline) {
      for (const { name, host } of listeners.filter((listener) => listener.port === port)) {
        const found = await resolveHost(host, deadline);
        if (found === EXPIRED) {
          return { kind: "unresolved", reason: "timeout", detail: `look-up of ${name}` };
        }
        if (found.kind === "unresolved") {
          return { kind: "unresolved", reason: "dns", detail: `${found.code} for ${name}` };
        }
        const isOwn = isReachedBy(found.addresses, localAddresses);
        const reached = addresses.find(isOwn);
        if (reached) return { kind: "own", name, address: reached.address };
      }
      return { kind: "other" };
    },
  };
}

/**
 * Returns a function that says whether an address reaches the listener. A listener on this machine counts
 * as listening at all of its addresses: all of 127.0.0.0/8 is this machine, and we cannot know at which of
 * its addresses Valkey listens.
 */
function isReachedBy(
  own: readonly Address[],
  localAddresses: () => readonly string[],
): (address: Address) => boolean {
  const here = new Set(localAddresses().flatMap((text) => dialled(text)?.toString() ?? []));
  const isLocal = (address: ParsedAddress) =>
    isLoopback(address) || isUnspecified(address) || here.has(address.toString());
  const endpoints = own.flatMap(({ address }) => dialled(address) ?? []);
  const isHere = endpoints.some(isLocal);
  return ({ address }) => {
    const reached = dialled(address);
    if (reached === null) return false;
    return (
      (isHere && isLocal(reached)) ||
      endpoints.some((endpoint) => endpoint.toString() === reached.toString())
    );
  };
}

function dialled(text: string): ParsedAddress | null {
  const parsed = parseAddress(text);
  return parsed && dialledAddress(parsed);
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((found) =>
    (found ?? []).map(({ address }) => address),
  );
}
