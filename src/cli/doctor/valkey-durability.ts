// Checks if Valkey keeps what it acknowledged: it holds every delivery (docs/operations.md).
import {
  asksValkey,
  ok,
  problem,
  together,
  notReported,
  warning,
  type Check,
  type Finding,
} from "./check.ts";
import { readConfig, type ServerInfo } from "./valkey-state.ts";

const FULL_SHARE = 0.8;
/** From this share on, a burst of events may be refused. */
const ALMOST_FULL_SHARE = 0.95;

export const durabilityChecks: Check[] = [
  {
    name: "valkey-append-only",
    reads: [],
    look: asksValkey(async (valkey) =>
      checkAppendOnly(valkey.info, await readConfig(valkey, "appendfsync")),
    ),
  },
  { name: "valkey-eviction", reads: [], look: asksValkey(({ info }) => checkEviction(info)) },
  { name: "valkey-memory", reads: [], look: asksValkey(({ info }) => checkMemory(info)) },
  {
    name: "valkey-replicas",
    reads: [],
    look: asksValkey(async (valkey) =>
      checkReplicas(valkey.info, await readConfig(valkey, "min-replicas-to-write")),
    ),
  },
];

export function checkAppendOnly(info: ServerInfo, fsync: string | null): Finding {
  if (info.text("aof_enabled") === null) return notReported();
  const findings: Finding[] = [];
  if (info.text("aof_enabled") !== "1") {
    findings.push(
      problem(
        "there is no append-only file: killed, it loses what it acknowledged",
        "set appendonly yes in its configuration; CONFIG SET appendonly yes begins at once",
      ),
    );
  } else if (info.text("aof_last_write_status") === "err") {
    findings.push(
      problem(
        "the last write to the append-only file failed",
        "look at the disk: until it succeeds, writes are refused",
      ),
    );
  } else if (fsync === "no") {
    findings.push(
      warning(
        "append-only, appendfsync no: a power cut can lose half a minute",
        "set appendfsync everysec, or always",
      ),
    );
  } else {
    findings.push(ok(`append-only${fsync === null ? "" : `, appendfsync ${fsync}`}`));
  }
  if (info.text("aof_last_bgrewrite_status") === "err") {
    findings.push(
      warning(
        "the last rewrite of the append-only file failed",
        "look at disk and memory: the file grows until a rewrite succeeds",
      ),
    );
  }
  if (info.text("rdb_last_bgsave_status") === "err") {
    findings.push(
      problem(
        "the last snapshot failed",
        "look at the disk: with stop-writes-on-bgsave-error, writes are refused",
      ),
    );
  }
  return together(findings);
}

export function checkEviction(info: ServerInfo): Finding {
  const policy = info.text("maxmemory_policy");
  if (policy === null) return notReported();
  return policy === "noeviction"
    ? ok(policy)
    : problem(
        `${policy}: at its memory limit it deletes webhooks and deliveries`,
        "set maxmemory-policy noeviction",
      );
}

export function checkMemory(info: ServerInfo): Finding {
  const used = info.number("used_memory");
  if (used === null) return notReported();
  const limit = info.number("maxmemory") ?? 0;
  if (limit === 0) {
    return warning(
      `${mebibytes(used)} used, no limit`,
      "set maxmemory: without it the system's out-of-memory killer decides",
    );
  }
  const share = used / limit;
  const found = `${mebibytes(used)} of ${mebibytes(limit)} used, ${Math.round(share * 100)} %`;
  const advice = "at the limit producers are refused: raise maxmemory, or see why deliveries wait";
  if (share >= ALMOST_FULL_SHARE) return problem(found, advice);
  return share >= FULL_SHARE ? warning(found, advice) : ok(found);
}

export function checkReplicas(info: ServerInfo, minimum: string | null): Finding {
  const count = info.number("connected_slaves");
  if (count === null) return notReported();
  const required = Number(minimum ?? 0);
  if (required > 0) {
    // The server reports the number of good replicas only if a minimum is set.
    const good = info.number("min_slaves_good_slaves") ?? count;
    const found = `${good} of ${count} near enough, min-replicas-to-write ${required}`;
    return good < required
      ? problem(found, "writes are refused until enough replicas follow")
      : ok(found);
  }
  if (count === 0) return ok("none: this machine alone holds the data");
  if (minimum === null) return ok(`${count}; min-replicas-to-write is unknown`);
  return warning(
    `${count}, min-replicas-to-write 0`,
    "set min-replicas-to-write 1 and a short min-replicas-max-lag: a lagging replica that is promoted loses acknowledged writes",
  );
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
