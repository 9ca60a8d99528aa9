// `fluxhook doctor` as a user runs it: what it prints, its exit codes, and what it never prints.
import { describe, expect, test } from "bun:test";
import type { CheckResult } from "../../src/cli/doctor/check.ts";
import { eventually } from "../support/eventually.ts";
import { openScene, register } from "../support/serve-scene.ts";
import { API_TOKEN, runFluxhook } from "../support/service.ts";
import { startTcpReceiver } from "../support/tcp-receiver.ts";
import { freshPrefix, ownValkey } from "../support/valkey.ts";

interface Report {
  version: string;
  status: "ok" | "warning" | "problem";
  checks: CheckResult[];
}

const TOKEN = "f0c1a9d27be6483c5d1e90b7a4f2386c";
/** Another service may listen on the default port of this machine. */
const NO_SERVICE = { FLUXHOOK_PORT: "0" };
const STACK_TRACE = /^\s+at /m;

const report = (stdout: string) => JSON.parse(stdout) as Report;
const find = ({ checks }: Report, name: string) => checks.find(({ check }) => check === name);

describe("fluxhook doctor", () => {
  test("exits with 0 on warnings, and prints a table of what to do", async () => {
    const valkey = await ownValkey();
    const { exitCode, stdout, stderr } = await runFluxhook(["doctor"], {
      FLUXHOOK_VALKEY_URL: valkey.url,
      FLUXHOOK_API_TOKEN: TOKEN,
      ...NO_SERVICE,
    });
    await valkey.stop();
    const problems = stdout.split("\n").filter((line) => line.includes("✗"));
    expect({ exitCode, stderr, problems }).toEqual({ exitCode: 0, stderr: "", problems: [] });
    expect(stdout).toContain("✓ valkey-append-only");
    expect(stdout).toContain("! valkey-memory");
    expect(stdout).toContain("set maxmemory");
    expect(stdout).toMatch(/\n0 problems, 2 warnings, \d+ ok, \d+ skipped\n$/);
  });

  test("prints colours when they are asked for, and none with NO_COLOR or into a pipe, even in CI", async () => {
    const environment = { FLUXHOOK_API_TOKEN: TOKEN, FLUXHOOK_VALKEY_URL: "redis://127.0.0.1:1" };
    const escape = "\u001b[";
    const pipes: Record<string, string>[] = [{ NO_COLOR: "1" }, { NO_COLOR: "", CI: "true" }];
    for (const variables of pipes) {
      const plain = await runFluxhook(["doctor"], {
        ...environment,
        FORCE_COLOR: "",
        ...variables,
      });
      expect(plain.stdout).not.toContain(escape);
    }
    const coloured = await runFluxhook(["doctor"], { ...environment, FORCE_COLOR: "1" });
    expect(coloured.stdout).toContain(escape);
  });

  test("exits with 1 on a problem, and --json has every check with what was found and what to do", async () => {
    const valkey = await ownValkey({ extraArgs: ["--maxmemory-policy", "allkeys-lru"] });
    const { exitCode, stdout, stderr } = await runFluxhook(["doctor", "--json"], {
      FLUXHOOK_VALKEY_URL: valkey.url,
      FLUXHOOK_API_TOKEN: TOKEN,
      ...NO_SERVICE,
    });
    await valkey.stop();
    expect([exitCode, stderr]).toEqual([1, ""]);
    const { version, status, checks } = report(stdout);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(status).toBe("problem");
    expect(checks.map(({ check }) => check)).toEqual([
      "settings",
      "valkey",
      "valkey-version",
      "valkey-role",
      "valkey-tls",
      "valkey-clients",
      "valkey-append-only",
      "valkey-eviction",
      "valkey-memory",
      "valkey-replicas",
      "clock",
      "service",
      "backlog",
      "parked",
      "rejected",
      "webhook-secrets",
      "dns",
      "egress",
      "egress-openings",
      "egress-proxy",
      "api-token",
      "secret-key",
      "open-files",
    ]);
    for (const one of checks) {
      expect(one).toEqual({
        check: expect.any(String),
        status: expect.stringMatching(/^(ok|warning|problem|skipped)$/),
        found: expect.any(String),
        advice: one.status === "warning" || one.status === "problem" ? expect.any(String) : null,
      });
    }
    expect(find(report(stdout), "valkey-eviction")?.advice).toBe("set maxmemory-policy noeviction");
  });

  test("reports wrong settings as a problem, all of them, without a stack trace", async () => {
    const { exitCode, stdout, stderr } = await runFluxhook(["doctor", "--json"], {
      FLUXHOOK_VALKEY_URL: "redis://127.0.0.1:1",
      FLUXHOOK_PORT: "65536",
      FLUXHOOK_VALKEYURL: "x",
    });
    expect([exitCode, stderr]).toEqual([1, ""]);
    const { found = "" } = find(report(stdout), "settings") ?? {};
    expect(found).toContain("FLUXHOOK_PORT");
    expect(found).toContain("did you mean FLUXHOOK_VALKEY_URL");
    expect(stdout).not.toMatch(STACK_TRACE);
  });

  test("counts the workers of a running service and its webhooks", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const receiver = scene.receiver();
    await register(service, { user_id: "u_1", url: receiver.url });
    const environment = {
      FLUXHOOK_VALKEY_URL: scene.valkey.url,
      FLUXHOOK_PREFIX: scene.prefix,
      FLUXHOOK_API_TOKEN: API_TOKEN,
    };
    const open = { ...environment, FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8" };
    const { stdout } = await runFluxhook(["doctor", "--json"], open);
    expect(find(report(stdout), "backlog")?.found).toEndWith("0 waiting, 1 workers");
    expect(find(report(stdout), "egress")?.found).toBe("of 1 webhooks, 0 are denied");

    const closed = await runFluxhook(["doctor", "--json"], environment);
    expect(find(report(closed.stdout), "egress")).toMatchObject({
      status: "warning",
      found: expect.stringContaining("127.0.0.1 is loopback 127.0.0.0/8"),
    });
  });

  test("reports workers that are running and claim nothing", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    await eventually(async () => {
      const clients = (await scene.redis.client("LIST")) as string;
      expect(clients).toMatch(/ name=fluxhook-wait .* flags=b .* cmd=blmove /);
    });
    service.signal("SIGSTOP");
    // The first one is claimed by the request that waits at Valkey.
    await scene.redis.lpush(scene.queue, "{}", "{}");
    const { stdout } = await runFluxhook(["doctor", "--json"], {
      FLUXHOOK_VALKEY_URL: scene.valkey.url,
      FLUXHOOK_PREFIX: scene.prefix,
    });
    expect(find(report(stdout), "backlog")).toMatchObject({
      status: "warning",
      found: `${scene.queue}: 1 waiting, 1 workers; none was taken within 1s`,
    });
    service.signal("SIGCONT");
    await eventually(async () => (await scene.redis.llen(scene.queue)) === 0);
  });
});

describe("fluxhook doctor --url", () => {
  test("exits with 0 if a delivery could be made, and sends nothing", async () => {
    const receiver = await startTcpReceiver();
    const { exitCode, stdout } = await runFluxhook(
      ["doctor", "--json", "--url", `http://127.0.0.1:${receiver.port}/canary?canary`],
      { FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8" },
    );
    expect(exitCode).toBe(0);
    expect(report(stdout).checks.map(({ check, status }) => `${check} ${status}`)).toEqual([
      "settings ok",
      "name ok",
      "guard ok",
      "connection ok",
    ]);
    const [connection] = await receiver.waitForConnections(1);
    await connection?.closed;
    expect(connection?.received).toHaveLength(0);
    expect(stdout).not.toContain("canary");
    await receiver.stop();
  });

  test("exits with 1 if the guard denies the address", async () => {
    const { exitCode, stdout } = await runFluxhook(["doctor", "--url", "https://169.254.169.254/"]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("169.254.169.254 is link-local");
  });

  test("makes no judgement with wrong settings", async () => {
    const { exitCode, stdout } = await runFluxhook(
      ["doctor", "--json", "--url", "https://93.184.216.34/"],
      { FLUXHOOK_EGRESS_PORTS: "none" },
    );
    expect(exitCode).toBe(1);
    expect(find(report(stdout), "guard")).toMatchObject({
      status: "skipped",
      found: "FLUXHOOK_EGRESS_PORTS is wrong",
    });
  });

  test.each([["ftp://canary.example/"], ["canary"], ["file:///canary"]])(
    "exits with 2 for %s and does not repeat it",
    async (url) => {
      const { exitCode, stdout, stderr } = await runFluxhook(["doctor", "--url", url]);
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toBe("fluxhook: --url takes an http:// or https:// URL\n");
    },
  );

  test("takes an unknown option for wrong usage", async () => {
    const { exitCode, stderr } = await runFluxhook(["doctor", "--no-such-option"]);
    expect(exitCode).toBe(2);
    expect(stderr).not.toMatch(STACK_TRACE);
  });
});

test("fluxhook doctor prints no secret, whatever is wrong", async () => {
  const valkey = await ownValkey({ extraArgs: ["--requirepass", "right"] });
  const key = Buffer.alloc(32, "canary").toString("base64");
  const secrets = {
    FLUXHOOK_API_TOKEN: "canary-canary-canary-canary",
    FLUXHOOK_SECRET_KEY: key,
    FLUXHOOK_ALERT_URL: "https://canary:canary@127.0.0.1/canary?canary",
    FLUXHOOK_ALERT_SECRET: "canary-canary-canary",
    FLUXHOOK_EGRESS_PROXY: "http://canary:canary@127.0.0.1:1",
    FLUXHOOK_HOST: "0.0.0.0",
    FLUXHOOK_PREFIX: freshPrefix(),
  };
  const places = [
    `redis://canary:canary@127.0.0.1:${valkey.port}/0?password=canary`,
    "redis://:canary@no-such-host.invalid:6379",
    "redis://:can/ary@canary@127.0.0.1",
    "unix://user:canary@/no/such/socket",
    "/no/such/socket?password=canary",
    "canary",
  ];
  const wrong = {
    FLUXHOOK_API_TOKEN: "canary canary canary canary",
    FLUXHOOK_SECRET_KEY: "canary",
    FLUXHOOK_ALERT_URL: "canary",
    FLUXHOOK_ALERT_SECRET: "canary",
    FLUXHOOK_EGRESS_PROXY: "canary",
  };
  for (const url of places) {
    for (const [args, environment] of [
      [["doctor"], secrets],
      [["doctor", "--json"], { ...secrets, ...wrong }],
    ] as const) {
      const { exitCode, stdout, stderr } = await runFluxhook(args, {
        ...environment,
        FLUXHOOK_VALKEY_URL: url,
      });
      const said = stdout + stderr;
      expect([url, exitCode]).toEqual([url, 1]);
      expect(said).not.toContain("canary");
      expect(said).not.toContain(key.slice(0, 12));
      expect(said).not.toMatch(STACK_TRACE);
    }
  }
  await valkey.stop();
}, 60_000);
