// Checks the Valkey server: is it reachable, and can Fluxhook use it.
import { isIP } from "node:net";
import { isWithin, parseAddress, parseRange } from "../../delivery/guard/address.ts";
import {
  asksValkey,
  ok,
  problem,
  notReported,
  warning,
  type Check,
  type Finding,
} from "./check.ts";
import { shownAddress } from "../../valkey/connection/address.ts";
import { readConfig, type ServerInfo } from "./valkey-state.ts";

/** Every claim and settlement waits for one round trip. */
const SLOW_PING_MS = 50;
/** The first version with script flags (`#!lua flags=allow-oom`), which the scripts need at the memory limit. */
const OLDEST_VERSION = [7, 0] as const;
/** Fluxhook's connections send a command every few seconds; a shorter limit would close them in between. */
const SHORTEST_TIMEOUT_S = 10;
const MAX_CLIENTS_SHARE = 0.8;

export const serverChecks: Check[] = [
  {
    name: "valkey",
    reads: ["VALKEY_URL"],
    look: ({ settings, valkey }) => {
      const at = shownAddress(settings.VALKEY_URL);
      if (!valkey.isUp) {
        return problem(`${at}: ${valkey.why}`, "start it, or correct FLUXHOOK_VALKEY_URL");
      }
      const found = `${at} answers in ${valkey.pingMs.toFixed(1)} ms`;
      return valkey.pingMs > SLOW_PING_MS
        ? warning(found, "every claim and settlement waits for that: put Valkey nearer")
        : ok(found);
    },
  },
  { name: "valkey-version", reads: [], look: asksValkey(({ info }) => checkVersion(info)) },
  { name: "valkey-role", reads: [], look: asksValkey(({ info }) => checkRole(info)) },
  {
    name: "valkey-tls",
    reads: ["VALKEY_URL"],
    look: ({ settings }) => checkTransport(settings.VALKEY_URL),
  },
  {
    name: "valkey-clients",
    reads: [],
    look: asksValkey(async (valkey) =>
      checkClients(valkey.info, await readConfig(valkey, "timeout")),
    ),
  },
];

export function checkVersion(info: ServerInfo): Finding {
  const valkey = info.text("valkey_version");
  const version = valkey ?? info.text("redis_version");
  if (version === null) return notReported();
  const found = `${valkey === null ? "Redis" : "Valkey"} ${version}`;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
    ? ok(found)
    : problem(
        found,
        `the scripts need ${OLDEST_VERSION.join(".")} or later; the tests run on Valkey 8`,
      );
}

export function checkRole(info: ServerInfo): Finding {
  if (info.text("cluster_enabled") === "1") {
    return problem(
      "a node of a cluster",
      "FLUXHOOK_VALKEY_URL has to name a Valkey that is not in cluster mode",
    );
  }
  if (info.text("role") === "slave") {
    return problem("a replica: it takes no writes", "name the primary in FLUXHOOK_VALKEY_URL");
  }
  return info.text("role") === null ? notReported() : ok("a primary, not in cluster mode");
}

/** Decides by the host if the connection leaves this machine. */
export function checkTransport(url: string): Finding {
  if (url.startsWith("/") || url.startsWith("unix:")) return ok("a unix socket");
  const { protocol, hostname } = new URL(url);
  if (/^(rediss|valkeys):$/.test(protocol)) return ok("TLS");
  if (isLoopback(hostname)) return ok("plain, on this machine's loopback");
  return warning(
    `plain, to ${hostname}`,
    "use rediss:// unless nobody else is on that network: passwords and secrets cross it as they are",
  );
}

const LOOPBACK = ["127.0.0.0/8", "::1/128"].map(parseRange);

export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  const address = isIP(bare) === 0 ? null : parseAddress(bare);
  return address === null ? bare === "localhost" : isWithin(address, LOOPBACK);
}

export function checkClients(info: ServerInfo, timeoutS: string | null): Finding {
  const connected = info.number("connected_clients");
  if (connected === null) return notReported();
  const max = info.number("maxclients");
  const found = max === null ? `${connected} connected` : `${connected} of ${max} connected`;
  if (max !== null && connected > max * MAX_CLIENTS_SHARE) {
    return warning(found, "raise maxclients, or find who keeps connections open (CLIENT LIST)");
  }
  const idleS = Number(timeoutS ?? 0);
  return idleS > 0 && idleS < SHORTEST_TIMEOUT_S
    ? warning(
        `${found}; idle ones are cut after ${idleS} s`,
        `set timeout to 0, or to ${SHORTEST_TIMEOUT_S} and more`,
      )
    : ok(found);
}
