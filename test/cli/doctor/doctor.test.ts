// The doctor on real Valkeys, set up well and badly.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { examine } from "../../../src/cli/doctor/doctor.ts";
import type { CheckResult } from "../../../src/cli/doctor/check.ts";
import { checkSettings } from "../../../src/cli/doctor/settings-check.ts";
import { queueKeys, sharedKeys } from "../../../src/valkey/keys.ts";
import { Link } from "../../../src/valkey/connection/link.ts";
import type { LocalValkey } from "../../../src/local-valkey/start.ts";
import { SecretBox } from "../../../src/valkey/webhooks/secret-box.ts";
import { WebhookStore } from "../../../src/valkey/webhooks/webhook-store.ts";
import { LEASE_MS } from "../../../src/worker/settle/heartbeat.ts";
import { eventFor } from "../../support/serve-scene.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix, ownValkey, testRedis } from "../../support/valkey.ts";
import { webhookRecord } from "../../valkey/webhooks/webhook-records.ts";

const TOKEN = "f0c1a9d27be6483c5d1e90b7a4f2386c";
const CANARY = "canary-of-the-password";

/** By the name of the check. */
type Results = Record<string, CheckResult>;

async function diagnose(environment: Record<string, string>): Promise<Results> {
  // Port 0: no service of another test is asked.
  const settings = { FLUXHOOK_API_TOKEN: TOKEN, FLUXHOOK_PORT: "0", ...environment };
  const results = await examine(checkSettings(settings));
  return Object.fromEntries(results.map((result) => [result.check, result]));
}

const having = (results: Results, status: CheckResult["status"]) =>
  Object.values(results)
    .filter((result) => result.status === status)
    .map(({ check }) => check);

/** What can be known without a Valkey. */
const WITHOUT_VALKEY = [
  "settings",
  "service",
  "valkey",
  "valkey-tls",
  "egress-openings",
  "egress-proxy",
  "api-token",
  "secret-key",
  "open-files",
];

function expectSkippedWithoutValkey(results: Results): void {
  const rest = Object.values(results).filter(({ check }) => !WITHOUT_VALKEY.includes(check));
  expect(rest.length).toBeGreaterThan(10);
  for (const { check, status, found } of rest) {
    expect([check, status, found]).toEqual([
      check,
      "skipped",
      expect.stringMatching(/^no Valkey: /),
    ]);
  }
}

const valkeys: LocalValkey[] = [];
afterAll(async () => void (await Promise.all(valkeys.map((valkey) => valkey.stop()))));
async function valkeyWith(...extraArgs: string[]): Promise<LocalValkey> {
  const valkey = await ownValkey({ extraArgs });
  valkeys.push(valkey);
  return valkey;
}

describe("fluxhook doctor on a well configured Valkey", () => {
  let valkey: LocalValkey;
  beforeAll(async () => void (valkey = await valkeyWith("--maxmemory", "200mb")));
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64");
  const environment = (prefix = freshPrefix()) => ({
    FLUXHOOK_VALKEY_URL: valkey.url,
    FLUXHOOK_PREFIX: prefix,
    FLUXHOOK_SECRET_KEY: key,
  });

  test("finds no problem and no warning", async () => {
    const results = await diagnose(environment());
    expect(having(results, "problem")).toEqual([]);
    expect(having(results, "warning")).toEqual([]);
    expect(having(results, "skipped")).toEqual([
      "service",
      "webhook-secrets",
      "dns",
      "egress",
      "egress-proxy",
    ]);
    expect(results.valkey?.found).toMatch(/^redis:\/\/127\.0\.0\.1:\d+ answers in [\d.]+ ms$/);
    expect(results["valkey-append-only"]?.found).toBe("append-only, appendfsync everysec");
    expect(results["valkey-memory"]?.found).toMatch(/^\d+ MiB of 200 MiB used, \d+ %$/);
    expect(results.clock?.found).toMatch(/^Valkey's is \d+ ms (ahead|behind)$/);
  });

  test("reports every invalid setting, and runs the checks that do not need it", async () => {
    const results = await diagnose({
      ...environment(),
      FLUXHOOK_PORT: "x",
      FLUXHOOK_CONCURRENCY: "many",
      FLUXHOOK_EGRESS_ALLOW: "everything",
      FLUXHOOK_ALERT_URL: "https://alerts.example",
      FLUXHOOK_NO_SUCH: "1",
    });
    expect(results.settings?.status).toBe("problem");
    const named = results.settings?.found.match(/^FLUXHOOK_\w+/gm) ?? [];
    expect(named.toSorted()).toEqual([
      "FLUXHOOK_ALERT_SECRET",
      "FLUXHOOK_CONCURRENCY",
      "FLUXHOOK_EGRESS_ALLOW",
      "FLUXHOOK_NO_SUCH",
      "FLUXHOOK_PORT",
    ]);
    expect(results.egress).toMatchObject({
      status: "skipped",
      found: "FLUXHOOK_EGRESS_ALLOW is wrong",
    });
    expect(results["open-files"]?.found).toBe("FLUXHOOK_CONCURRENCY is wrong");
    expect(results["valkey-eviction"]?.status).toBe("ok");
  });

  test("counts waiting deliveries, and warns without a worker", async () => {
    const prefix = freshPrefix();
    const redis = await testRedis(valkey.url);
    const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
    const oldest = eventFor("u_1").replace("{", `{"timestamp":"${anHourAgo}",`);
    await redis.lpush(`${prefix}:events`, oldest, eventFor("u_1"));
    await redis.lpush(`${prefix}:rejected`, "{}");
    // One that has not been heard of for a lease is no worker any more.
    await redis.zadd(queueKeys(`${prefix}:events`).workers, Date.now() - LEASE_MS, "dead");
    redis.disconnect();
    const results = await diagnose({ ...environment(prefix), FLUXHOOK_REJECTED_MAX: "1" });
    expect(results.backlog?.status).toBe("warning");
    expect(results.backlog?.found).toBe(
      `${prefix}:events: 2 waiting, the oldest is from 1h ago, 0 workers`,
    );
    expect(results.rejected).toMatchObject({
      status: "warning",
      found: "1 rejected, 100 % of the cap",
    });
  });

  test("reports a problem if the key of a queue has another type", async () => {
    const prefix = freshPrefix();
    const redis = await testRedis(valkey.url);
    await redis.set(`${prefix}:events`, "text");
    redis.disconnect();
    const { backlog } = await diagnose(environment(prefix));
    expect([backlog?.status, backlog?.found]).toEqual([
      "problem",
      `${prefix}:events holds a string, not a list`,
    ]);
  });

  describe("the registered webhooks", () => {
    async function register(prefix: string, keys: string[], urls: string[]): Promise<void> {
      const link = new Link({ url: valkey.url, name: "test", deadlineMs: 5_000 }).open();
      await link.whenUp();
      const store = new WebhookStore(link, sharedKeys(prefix), { box: new SecretBox(keys) });
      for (const url of urls) await store.create(webhookRecord({ url }));
      link.close();
    }
    const otherKey = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64");
    const url = "https://10.0.0.1/canary?canary";

    test.each([
      ["sealed under the first key", [key], key, "ok"],
      [
        "sealed under an older key that is still there",
        [otherKey],
        `${key},${otherKey}`,
        "warning",
      ],
      ["in plain although there is a key", [], key, "warning"],
      ["sealed under a key that is gone", [otherKey], key, "problem"],
      ["sealed, and there is no key", [key], "", "problem"],
      ["in plain, and there is no key", [], "", "skipped"],
    ])("that are %s", async (_, sealedWith, secretKey, status) => {
      const prefix = freshPrefix();
      await register(prefix, sealedWith, [url]);
      const results = await diagnose({ ...environment(prefix), FLUXHOOK_SECRET_KEY: secretKey });
      expect(results["webhook-secrets"]?.status).toBe(status as CheckResult["status"]);
    });

    test("that another program changed in Valkey are a problem", async () => {
      const prefix = freshPrefix();
      await register(prefix, [key], [url, `${url}2`]);
      const redis = await testRedis(valkey.url);
      const hash = sharedKeys(prefix).webhooks("user:u_1");
      const [first] = Object.entries(await redis.hgetall(hash));
      const [id, text] = first!;
      await redis.hset(hash, id, text.replace(/(enc:v1:\w{16}:).{8}/, "$1AAAAAAAA"));
      redis.disconnect();
      const { "webhook-secrets": secrets } = await diagnose(environment(prefix));
      expect([secrets?.status, secrets?.found]).toEqual([
        "problem",
        "of 2 webhooks, 1 were changed in Valkey by somebody else",
      ]);
    });

    test("whose record is damaged are a problem, and fail no other check", async () => {
      const prefix = freshPrefix();
      await register(prefix, [key], [url]);
      const redis = await testRedis(valkey.url);
      await redis.hset(sharedKeys(prefix).webhooks("user:u_1"), "wh_broken", "{");
      redis.disconnect();
      const results = await diagnose(environment(prefix));
      expect(results["webhook-secrets"]?.found).toBe("1 records are not webhooks");
      expect(results.egress?.status).toBe("warning");
    });

    test("that the guard denies are named without possible secrets of their URL", async () => {
      const prefix = freshPrefix();
      await register(prefix, [], [url, "https://93.184.216.34/"]);
      const { egress } = await diagnose(environment(prefix));
      expect(egress?.status).toBe("warning");
      expect(egress?.found).toMatch(
        /^of 2 webhooks, 1 are denied\nwh_\d+ \(10\.0\.0\.1\): 10\.0\.0\.1 is private 10\.0\.0\.0\/8$/,
      );
      expect(
        (await diagnose({ ...environment(prefix), FLUXHOOK_EGRESS_ALLOW: "10.0.0.1" })).egress,
      ).toMatchObject({ status: "ok" });
    });
  });
});

test("doctor reports a Valkey without append-only file and one with eviction as problems", async () => {
  const valkey = await valkeyWith(
    "--appendonly",
    "no",
    "--maxmemory-policy",
    "allkeys-lru",
    "--timeout",
    "5",
    "--maxmemory",
    "1mb",
  );
  const results = await diagnose({ FLUXHOOK_VALKEY_URL: valkey.url });
  expect(having(results, "problem")).toEqual([
    "valkey-append-only",
    "valkey-eviction",
    "valkey-memory",
  ]);
  expect(results["valkey-eviction"]?.found).toStartWith("allkeys-lru: ");
  expect(results["valkey-clients"]?.found).toContain("idle ones are cut after 5 s");
  expect(having(results, "warning")).toEqual(["valkey-clients", "secret-key"]);
});

test("doctor reports a cluster node and a replica as problems, and advises a primary to require its replica", async () => {
  const [primary, node] = await Promise.all([valkeyWith(), valkeyWith("--cluster-enabled", "yes")]);
  const replica = await valkeyWith("--replicaof", "127.0.0.1", String(primary.port));
  const role = async (valkey: LocalValkey) =>
    (await diagnose({ FLUXHOOK_VALKEY_URL: valkey.url }))["valkey-role"];
  expect((await role(node))?.found).toBe("a node of a cluster");
  expect((await role(replica))?.found).toBe("a replica: it takes no writes");

  const redis = await testRedis(primary.url);
  await eventually(async () => /state=online/.test(await redis.info("replication")));
  const replicas = async () =>
    (await diagnose({ FLUXHOOK_VALKEY_URL: primary.url }))["valkey-replicas"];
  expect(await replicas()).toMatchObject({
    status: "warning",
    found: "1, min-replicas-to-write 0",
  });
  await redis.config("SET", "min-replicas-to-write", "1");
  expect(await eventually(async () => (await replicas())?.status === "ok")).toBeTrue();
  await redis.config("SET", "min-replicas-to-write", "2");
  expect((await replicas())?.status).toBe("problem");
  redis.disconnect();
}, 60_000);

describe("a Valkey that does not answer", () => {
  test("is a problem if nothing listens, and the other checks still run", async () => {
    const valkey = await ownValkey();
    await valkey.stop();
    const results = await diagnose({ FLUXHOOK_VALKEY_URL: valkey.url });
    expect(results.valkey).toMatchObject({
      status: "problem",
      found: expect.stringContaining("ECONNREFUSED"),
    });
    expectSkippedWithoutValkey(results);
    expect(results["api-token"]?.status).toBe("ok");
  });

  test("is a problem if it is frozen", async () => {
    const valkey = await valkeyWith();
    valkey.signal("SIGSTOP");
    const results = await diagnose({ FLUXHOOK_VALKEY_URL: valkey.url });
    valkey.signal("SIGCONT");
    expect(results.valkey?.status).toBe("problem");
    expectSkippedWithoutValkey(results);
  });

  test.each([
    ["a wrong password", `:${CANARY}@`, /WRONGPASS/],
    ["none where one is needed", "", /NOAUTH/],
  ])("is a problem for %s, and the password is never shown", async (_, credentials, reason) => {
    const valkey = await valkeyWith("--requirepass", "another-canary");
    const url = valkey.url.replace("//", `//${credentials}`);
    const results = await diagnose({ FLUXHOOK_VALKEY_URL: url });
    expect(results.valkey).toMatchObject({
      status: "problem",
      found: expect.stringMatching(reason),
    });
    expectSkippedWithoutValkey(results);
    expect(JSON.stringify(results)).not.toContain("canary");
  });

  test("is not contacted if its address is invalid", async () => {
    const results = await diagnose({ FLUXHOOK_VALKEY_URL: `http://:${CANARY}@127.0.0.1` });
    expect(results.valkey).toMatchObject({
      status: "skipped",
      found: "FLUXHOOK_VALKEY_URL is wrong",
    });
    expectSkippedWithoutValkey(results);
    expect(JSON.stringify(results)).not.toContain("canary");
  });
});

test("doctor works with a Valkey user that may not run every command", async () => {
  const valkey = await valkeyWith();
  const redis = await testRedis(valkey.url);
  const rules = ["on", `>${CANARY}`, "~*", "&*", "+@all", "-config", "-info"];
  await redis.acl("SETUSER", "fluxhook", ...rules);
  redis.disconnect();
  const url = valkey.url.replace("//", `//fluxhook:${CANARY}@`);
  const results = await diagnose({ FLUXHOOK_VALKEY_URL: url });
  expect(having(results, "problem")).toEqual([]);
  expect(results.backlog?.status).toBe("ok");
  expect(JSON.stringify(results)).not.toContain("canary");
});
