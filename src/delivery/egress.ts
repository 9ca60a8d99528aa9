// Builds the resolver, the guard and the sender of one process from the settings. The worker and the
// API share one, so that both check URLs by the same rules and the same DNS answers.
import { createGuard, type Guard } from "./guard/guard.ts";
import { nameServerLookup } from "./guard/name-servers.ts";
import { createOwnListeners, type OwnListener } from "./guard/own-ports.ts";
import { createResolver, type Resolve } from "./guard/resolve.ts";
import { createSender, type ConnectionCounts, type Send } from "./http/send.ts";

/** The settings of the same names. */
export interface EgressSettings {
  EGRESS_ALLOW: readonly string[];
  EGRESS_PORTS: readonly { from: number; to: number }[];
  EGRESS_HTTP: boolean;
  EGRESS_PROXY?: string;
  /** The certificates themselves, as PEM. */
  EGRESS_CA?: string;
  DNS_SERVERS: readonly string[];
  VALKEY_URL: string;
}

export interface Egress {
  resolve: Resolve;
  guard: Guard;
  send: Send;
  /**
   * Denies connections to this listener from now on, whatever EGRESS_ALLOW says. Valkey is protected from
   * the start.
   */
  protect(listener: OwnListener): void;
}

export function createEgress(settings: EgressSettings, connections?: ConnectionCounts): Egress {
  const servers = settings.DNS_SERVERS;
  const resolve = createResolver(
    servers.length > 0 ? { lookup: nameServerLookup({ servers }) } : {},
  );
  const ownListeners = createOwnListeners();
  const valkey = valkeyListener(settings.VALKEY_URL);
  if (valkey) ownListeners.add(valkey);
  const guard = createGuard({
    allowRanges: settings.EGRESS_ALLOW,
    ports: settings.EGRESS_PORTS,
    allowHttp: settings.EGRESS_HTTP,
    resolve,
    ownListeners,
  });
  return {
    resolve,
    guard,
    send: createSender({ proxy: settings.EGRESS_PROXY, ca: settings.EGRESS_CA, connections }),
    protect: (listener) => ownListeners.add(listener),
  };
}

/** Returns null for a unix socket, which no webhook's URL can name. */
export function valkeyListener(valkeyUrl: string): OwnListener | null {
  if (valkeyUrl.startsWith("/") || valkeyUrl.startsWith("unix:")) return null;
  const { hostname, port } = new URL(valkeyUrl);
  return {
    name: "Fluxhook's Valkey",
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || 6379),
  };
}
