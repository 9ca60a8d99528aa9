// Fluxhook's own API and its Valkey: no webhook reaches them, whatever EGRESS_ALLOW opens. A user who
// could would speak to them from the inside.
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
  /** As a verdict names it: `Fluxhook's own API`. */
  name: string;
  /** An address or a name; the wildcard address where it listens on all of them. */
  host: string;
  port: number;
}

export type OwnVerdict =
  | { kind: "other" }
  | { kind: "own"; name: string; address: string }
  /** Where the listener is cannot be told now. */
  | { kind: "unresolved"; reason: "dns" | "timeout"; detail: string };

export interface OwnListeners {
  add(listener: OwnListener): void;
  /** Whether one of them has this port; all others need no look at their addresses. */
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
  // Not of DNS_SERVERS: found as the connection to Valkey itself finds it.
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
 * A listener on this machine is taken to be at every address of it: a loopback address has 16 million
 * neighbours that are the same, and on which others Valkey listens cannot be seen from here.
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
