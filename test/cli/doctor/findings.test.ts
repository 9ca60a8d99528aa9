// What the checks make of what a server or a system says, where no real one can be had for it.
import { describe, expect, test } from "bun:test";
import { checkCap, queueFinding } from "../../../src/cli/doctor/backlog.ts";
import { checkSkew } from "../../../src/cli/doctor/clock.ts";
import { checkOpenFiles, readOpenFileLimit } from "../../../src/cli/doctor/process-limits.ts";
import {
  checkAppendOnly,
  checkEviction,
  checkMemory,
  checkReplicas,
} from "../../../src/cli/doctor/valkey-durability.ts";
import {
  checkClients,
  checkRole,
  checkTransport,
  checkVersion,
} from "../../../src/cli/doctor/valkey-server.ts";
import { ServerInfo } from "../../../src/cli/doctor/valkey-state.ts";
import { shownAddress } from "../../../src/valkey/connection/address.ts";

const info = (fields: Record<string, string | number>) =>
  new ServerInfo(
    `# Section\r\n${Object.entries(fields)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join("")}`,
  );

describe("the version", () => {
  test.each([
    [{ redis_version: "7.2.4", valkey_version: "8.0.1" }, "ok", "Valkey 8.0.1"],
    [{ redis_version: "7.2.4", valkey_version: "7.2.5" }, "ok", "Valkey 7.2.5"],
    [{ redis_version: "7.0.0" }, "ok", "Redis 7.0.0"],
    [{ redis_version: "6.2.14" }, "problem", "Redis 6.2.14"],
    [{ redis_version: "10.0.0" }, "ok", "Redis 10.0.0"],
  ])("%j is %s", (fields: Record<string, string>, status, found) => {
    expect(checkVersion(info(fields))).toMatchObject({ status, found });
  });
});

describe("the role", () => {
  test.each([
    [{ role: "master", cluster_enabled: 0 }, "ok"],
    [{ role: "slave", cluster_enabled: 0 }, "problem"],
    [{ role: "master", cluster_enabled: 1 }, "problem"],
  ])("%j is %s", (fields, status) => {
    expect(checkRole(info(fields)).status).toBe(status as "ok" | "problem");
  });
});

test("a check is skipped if INFO lacks its value", () => {
  const silent = info({});
  for (const finding of [
    checkVersion(silent),
    checkRole(silent),
    checkClients(silent, null),
    checkAppendOnly(silent, null),
    checkEviction(silent),
    checkMemory(silent),
    checkReplicas(silent, null),
  ]) {
    expect(finding.status).toBe("skipped");
  }
});

describe("the connection to Valkey", () => {
  test.each([
    ["redis://127.0.0.1:6379", "ok"],
    ["valkey://localhost", "ok"],
    ["redis://[::1]:6379", "ok"],
    ["/run/valkey.sock", "ok"],
    ["unix:///run/valkey.sock", "ok"],
    ["rediss://valkey.example", "ok"],
    ["valkeys://valkey.example", "ok"],
    ["redis://valkey.example", "warning"],
    ["redis://10.0.0.5:6379", "warning"],
    ["redis://localhost.example", "warning"],
  ])("%s is %s", (url, status) => {
    expect(checkTransport(url).status).toBe(status as "ok" | "warning");
  });

  test.each([
    ["redis://user:canary@valkey.example:6380/1?password=canary", "redis://valkey.example:6380"],
    ["rediss://:can%40ary@10.0.0.5", "rediss://10.0.0.5"],
    ["unix:///run/v.sock?password=canary", "unix:///run/v.sock"],
    ["/run/v.sock?password=canary", "unix:///run/v.sock"],
    ["unix://user:canary@/run/v.sock", "a unix socket"],
    ["unix://user:can?ary@/run/v.sock", "a unix socket"],
  ])("%s is shown without what may be a secret", (url, shown) => {
    expect(shownAddress(url)).toBe(shown);
  });
});

describe("clients", () => {
  test.each([
    [{ connected_clients: 800, maxclients: 1000 }, "0", "ok"],
    [{ connected_clients: 801, maxclients: 1000 }, "0", "warning"],
    [{ connected_clients: 1, maxclients: 1000 }, "9", "warning"],
    [{ connected_clients: 1, maxclients: 1000 }, "10", "ok"],
    [{ connected_clients: 1 }, null, "ok"],
  ])("%j with timeout %s is %s", (fields: Record<string, number>, timeoutS, status) => {
    expect(checkClients(info(fields), timeoutS).status).toBe(status as "ok" | "warning");
  });
});

describe("durability", () => {
  const good = {
    aof_enabled: 1,
    aof_last_write_status: "ok",
    aof_last_bgrewrite_status: "ok",
    rdb_last_bgsave_status: "ok",
  };
  test.each([
    [{}, "everysec", "ok"],
    [{}, "always", "ok"],
    [{}, null, "ok"],
    [{}, "no", "warning"],
    [{ aof_enabled: 0 }, "everysec", "problem"],
    [{ aof_last_write_status: "err" }, "everysec", "problem"],
    [{ aof_last_bgrewrite_status: "err" }, "everysec", "warning"],
    [{ rdb_last_bgsave_status: "err" }, "everysec", "problem"],
  ])("%j, appendfsync %s is %s", (fields: Record<string, number | string>, fsync, status) => {
    const finding = checkAppendOnly(info({ ...good, ...fields }), fsync);
    expect(finding.status).toBe(status as "ok" | "warning" | "problem");
    expect(finding.advice === null).toBe(status === "ok");
  });

  test.each([
    [79, 100, "ok"],
    [80, 100, "warning"],
    [95, 100, "problem"],
    [1, 0, "warning"],
  ])("%d of %d bytes used is %s", (used, limit, status) => {
    const finding = checkMemory(info({ used_memory: used, maxmemory: limit }));
    expect(finding.status).toBe(status as "ok" | "warning" | "problem");
  });

  test.each([
    ["no replica", { connected_slaves: 0 }, "0", "ok"],
    ["replicas and no minimum", { connected_slaves: 2 }, "0", "warning"],
    ["replicas, the minimum unknown", { connected_slaves: 2 }, null, "ok"],
    ["enough near", { connected_slaves: 2, min_slaves_good_slaves: 1 }, "1", "ok"],
    ["all lagging", { connected_slaves: 2, min_slaves_good_slaves: 0 }, "1", "problem"],
    ["none where one is required", { connected_slaves: 0 }, "1", "problem"],
  ] as const)("%s", (_, fields, minimum, status) => {
    expect(checkReplicas(info(fields), minimum).status).toBe(status);
  });
});

describe("the clock", () => {
  test.each([
    [1_000, "ok", "1000 ms ahead"],
    [-1_001, "warning", "1001 ms behind"],
    [30_000, "warning", "30000 ms ahead"],
    [-30_001, "problem", "30001 ms behind"],
  ])("%d ms off is %s", (skewMs, status, words) => {
    const now = 1_800_000_000_000;
    const finding = checkSkew(now + skewMs, now - 400, now + 400);
    expect(finding.status).toBe(status as "ok" | "warning" | "problem");
    expect(finding.found).toContain(words);
  });
});

describe("a queue", () => {
  const calm = { queue: "q", waiting: 0, taken: 0, workers: 2, overdueMs: 0, oldestMs: null };
  test.each([
    ["nothing waits", {}, 0, "ok"],
    ["nothing waits and nobody is there", { workers: 0 }, 0, "ok"],
    ["something waits and nobody is there", { workers: 0, waiting: 3 }, 0, "warning"],
    ["retries are overdue and nobody is there", { workers: 0, overdueMs: 60_001 }, 0, "warning"],
    ["what waits is being taken", { waiting: 3 }, 5, "ok"],
    ["what waits is not taken", { waiting: 3 }, 0, "warning"],
    ["what waits is older than alerts allow", { waiting: 3, oldestMs: 300_001 }, 5, "warning"],
    ["what waits is young", { waiting: 3, oldestMs: 299_999 }, 5, "ok"],
    ["retries are due", { overdueMs: 60_000 }, 0, "ok"],
    ["retries are overdue", { overdueMs: 60_001 }, 0, "warning"],
  ] as const)("where %s", (_, fields, taken, status) => {
    expect(queueFinding({ ...calm, ...fields }, taken, 300_000).status).toBe(status);
  });

  test.each([
    [0.79, "ok"],
    [0.8, "warning"],
    [1, "warning"],
  ] as const)("that fills %d of its cap of parked is %s", (share, status) => {
    expect(checkCap("q: 8 parked", share, "redeliver").status).toBe(status);
  });
});

describe("the limits of the process", () => {
  const settings = { CONCURRENCY: 1_024 };
  test.each([
    [3_048, "ok"],
    [3_047, "warning"],
    [1_023, "problem"],
    [Number.POSITIVE_INFINITY, "ok"],
    [null, "skipped"],
  ] as const)("%d open files for 1024 deliveries is %s", (limit, status) => {
    expect(checkOpenFiles(limit, settings).status).toBe(status);
  });

  test.each([
    ["Max open files            1024                 4096                 files", 1_024],
    ["Max open files            unlimited            unlimited            files", Infinity],
    ["Max processes             1                    1                    processes", null],
  ])("are read out of %j", (line, limit) => {
    expect(readOpenFileLimit(`Limit  Soft Limit  Hard Limit  Units\n${line}\n`)).toBe(limit);
  });
});
