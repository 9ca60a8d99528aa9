// Names with two addresses, one of which swallows connection attempts (RFC 8305), with a name server
// that rotates its answers and one that does not, by the system's resolver and through a proxy.
import { join } from "node:path";
import type { Redis } from "iovalkey";
import { eventually } from "../support/eventually.ts";
import { addressRecords, startNameServer } from "../support/name-server.ts";
import { startProxyServer } from "../support/proxy-server.ts";
import { tempFolder } from "../support/valkey.ts";
import { addressPairs, APPROVED, PairReceiver } from "./address-pairs.ts";
import {
  check,
  timed,
  type Check,
  type Result,
  type Scenario,
  type ScenarioContext,
  type WorkerProcess,
} from "./harness.ts";
import { quantile } from "./isolation.ts";

const ONE_BY_ONE = 100;
const EVERY_MS = 30;
const AT_ONCE = 30;

interface Attempted {
  event: string;
  webhook_id: string;
  outcome: string;
  reason: string | null;
}

/** One name: 100 events one by one, or 30 at once. */
interface Case {
  what: string;
  receiver: PairReceiver;
  isBurst: boolean;
  webhookId: string;
}

async function runCase(context: ScenarioContext, one: Case, redis: Redis): Promise<void> {
  const { receiver, isBurst } = one;
  context.progress(one.what);
  const expected = isBurst ? AT_ONCE : ONE_BY_ONE;
  if (isBurst) await receiver.push(redis, 0, AT_ONCE);
  else await pushOneByOne(receiver, redis);
  // Also where it does not hold, the figures are worth having.
  await eventually(() => receiver.arrivals.size >= expected, { withinMs: 30_000 }).catch(() => {});
}

async function pushOneByOne(receiver: PairReceiver, redis: Redis): Promise<void> {
  for (let n = 0; n < ONE_BY_ONE; n++) {
    await receiver.push(redis, n, 1);
    await Bun.sleep(EVERY_MS);
  }
}

function judgeCase(context: ScenarioContext, one: Case, attempts: readonly Attempted[]): Check[] {
  const { receiver, isBurst, what } = one;
  const expected = isBurst ? AT_ONCE : ONE_BY_ONE;
  const own = attempts.filter(({ webhook_id }) => webhook_id === one.webhookId);
  const failed = own.filter(({ outcome }) => outcome !== "delivered");
  const slowest = quantile(receiver.latenciesMs, isBurst ? 1 : 0.99);
  const limitMs = isBurst ? 2_000 : 1_000;
  const ms = (value: number) => `${Math.round(value)} ms`;
  return [
    check(
      `${what}: delivered on the first attempt`,
      `${receiver.arrivals.size} of ${expected}, attempts that failed: ${failed.length}`,
      receiver.arrivals.size === expected && own.length === expected && failed.length === 0,
    ),
    timed(
      context,
      check(
        isBurst ? `${what}: the last one within 2 s` : `${what}: p99 below 1 s`,
        `p50 ${ms(quantile(receiver.latenciesMs, 0.5))}, ${isBurst ? "last" : "p99"} ${ms(slowest)}`,
        slowest < limitMs,
      ),
    ),
  ];
}

function attemptsIn(log: string): Attempted[] {
  return log
    .split("\n")
    .filter((line) => line.includes('"delivery.attempted"'))
    .map((line) => JSON.parse(line) as Attempted);
}

/** Receivers for every pair of addresses, under names that begin with `label`. */
async function openReceivers(
  context: ScenarioContext,
  labels: readonly string[],
): Promise<{ what: string; receiver: PairReceiver; isBurst: boolean }[]> {
  const opened = [];
  for (const [at, pair] of addressPairs().entries()) {
    const variants = labels.flatMap((label) => [
      { label, isBurst: false },
      { label, isBurst: true },
    ]);
    for (const { label, isBurst } of variants) {
      const name = `${label}-${isBurst ? "burst" : "single"}-${at}.test`;
      const receiver = await PairReceiver.start(context, pair, name);
      const amount = isBurst ? `${AT_ONCE} at once` : `${ONE_BY_ONE} one by one`;
      opened.push({ what: `${pair.what}, ${label}, ${amount}`, receiver, isBurst });
    }
  }
  return opened;
}

async function runAll(
  context: ScenarioContext,
  opened: Awaited<ReturnType<typeof openReceivers>>,
  start: (valkeyUrl: string) => Promise<WorkerProcess>,
): Promise<Result> {
  const valkey = await context.valkey();
  const redis = await context.redis(valkey.url);
  const worker = await start(valkey.url);
  const cases: Case[] = [];
  for (const one of opened) {
    const { user: user_id, url } = one.receiver;
    const webhookId = await worker.register({ user_id, url, retry_schedule: ["0s", "1s", "5s"] });
    cases.push({ ...one, webhookId });
  }
  for (const one of cases) await runCase(context, one, redis);
  // It logs an attempt after it is settled.
  const sent = cases.reduce((sum, { isBurst }) => sum + (isBurst ? AT_ONCE : ONE_BY_ONE), 0);
  const attempts = await eventually(
    async () => {
      const found = attemptsIn(await worker.log());
      return found.length >= sent && found;
    },
    { withinMs: 10_000 },
  ).catch(async () => attemptsIn(await worker.log()));
  const receivers = cases.map(({ receiver }) => receiver);
  const received = receivers.reduce((sum, { arrivals }) => sum + arrivals.size, 0);
  const decoys = receivers.reduce((sum, { decoyConnections }) => sum + decoyConnections, 0);
  return {
    sent,
    received,
    lost: sent - received,
    duplicates: receivers.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, -received),
    checks: [
      ...cases.flatMap((one) => judgeCase(context, one, attempts)),
      check("connections to an address that was not approved", decoys, decoys === 0),
    ],
  };
}

/** Answers for the receivers' names; a label that begins with `rotating` has the order changed each time. */
async function nameServerFor(
  context: ScenarioContext,
  receivers: readonly PairReceiver[],
  at: { hostname?: string; port?: number } = {},
) {
  let asked = 0;
  const server = await startNameServer((question) => {
    const receiver = receivers.find(({ name }) => name === question.name);
    if (!receiver) return "NXDOMAIN";
    asked += 1;
    const { addresses } = receiver;
    const isTurned = question.name.startsWith("rotating") && asked % 2 === 0;
    return addressRecords(question, isTurned ? addresses.toReversed() : addresses, 0);
  }, at);
  context.atEnd(() => server[Symbol.asyncDispose]());
  return server;
}

const HOLDS =
  "all on the first attempt, p99 below 1 s, 30 at once within 2 s; only approved addresses";

const byNameServers: Scenario = {
  name: "two-addresses",
  what: "one of a name's two addresses drops SYNs; FLUXHOOK_DNS_SERVERS rotate their answers, or do not",
  holds: HOLDS,
  async run(context) {
    const opened = await openReceivers(context, ["steady", "rotating"]);
    const server = await nameServerFor(
      context,
      opened.map(({ receiver }) => receiver),
    );
    return runAll(context, opened, (url) =>
      context.worker(url, {
        FLUXHOOK_EGRESS_ALLOW: APPROVED,
        FLUXHOOK_DNS_SERVERS: server.address,
        FLUXHOOK_LOG_LEVEL: "debug",
      }),
    );
  },
};

/** Of the system's resolver; only root may listen on the port that /etc/resolv.conf implies. */
const SYSTEM_SERVER = { hostname: "127.0.0.77", port: 53 };

/** A command that gives what follows another /etc/resolv.conf, or null where this machine allows none. */
async function withResolvConf(): Promise<readonly string[] | null> {
  const file = join(tempFolder("resolv"), "resolv.conf");
  await Bun.write(file, `nameserver ${SYSTEM_SERVER.hostname}\n`);
  const bind = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  const through = ["unshare", "--mount", "sh", "-c", bind, file];
  try {
    return Bun.spawnSync([...through, "true"]).exitCode === 0 ? through : null;
  } catch {
    // There is no `unshare` here.
    return null;
  }
}

const bySystem: Scenario = {
  name: "two-addresses-system",
  what: "one of a name's two addresses drops SYNs; the system resolver's server rotates its answers, or does not",
  holds: HOLDS,
  async run(context) {
    const through = await withResolvConf();
    if (through === null) {
      const unable = check(
        "(not run: only root may give a process another resolv.conf)",
        "-",
        true,
      );
      return { sent: 0, received: 0, lost: 0, duplicates: 0, checks: [unable] };
    }
    const opened = await openReceivers(context, ["steady", "rotating"]);
    const receivers = opened.map(({ receiver }) => receiver);
    const server = await nameServerFor(context, receivers, SYSTEM_SERVER);
    const result = await runAll(context, opened, (url) =>
      context.worker(
        url,
        { FLUXHOOK_EGRESS_ALLOW: APPROVED, FLUXHOOK_LOG_LEVEL: "debug" },
        { through },
      ),
    );
    const asked = server.questions.length;
    result.checks.push(check("questions to the name server", asked, asked > 0));
    return result;
  },
};

const byProxy: Scenario = {
  name: "two-addresses-proxy",
  what: "the same names through FLUXHOOK_EGRESS_PROXY, which gets no answer from the silent address",
  holds: HOLDS,
  async run(context) {
    const opened = await openReceivers(context, ["rotating"]);
    const server = await nameServerFor(
      context,
      opened.map(({ receiver }) => receiver),
    );
    const proxy = await startProxyServer();
    context.atEnd(() => proxy.stop());
    const result = await runAll(context, opened, (url) =>
      context.worker(url, {
        FLUXHOOK_EGRESS_ALLOW: APPROVED,
        FLUXHOOK_DNS_SERVERS: server.address,
        FLUXHOOK_EGRESS_PROXY: proxy.url,
        FLUXHOOK_LOG_LEVEL: "debug",
      }),
    );
    const approved = new Set(
      opened.flatMap(({ receiver: { addresses, port } }) =>
        addresses.map((one) => (one.includes(":") ? `[${one}]:${port}` : `${one}:${port}`)),
      ),
    );
    const others = proxy.requests.filter(({ authority }) => !approved.has(authority)).length;
    result.checks.push(check("CONNECT for an address that was not approved", others, others === 0));
    return result;
  },
};

const deniedAtTimes: Scenario = {
  name: "denied-at-times",
  what: "a name that was allowed when its webhook was saved resolves to a denied address for two seconds",
  holds: "no connection to it, every event delivered by its schedule, one alert",
  async run(context) {
    const [pair] = addressPairs();
    if (!pair) throw new Error("there is an IPv4 pair on every machine");
    const receiver = await PairReceiver.start(context, pair, "at-times.test");
    let isDenied = false;
    const server = await startNameServer((question) =>
      addressRecords(question, isDenied ? receiver.addressesWithDecoy : receiver.addresses, 0),
    );
    context.atEnd(() => server[Symbol.asyncDispose]());
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const worker = await context.worker(valkey.url, {
      FLUXHOOK_EGRESS_ALLOW: APPROVED,
      FLUXHOOK_DNS_SERVERS: server.address,
      FLUXHOOK_LOG_LEVEL: "debug",
    });
    const retry_schedule = ["0s", "1s", "2s", "5s", "10s"];
    await worker.register({ user_id: receiver.user, url: receiver.url, retry_schedule });
    const blocked = async () =>
      attemptsIn(await worker.log()).filter(({ reason }) => reason === "blocked-address");
    await receiver.push(redis, 0, 1);
    await eventually(() => receiver.arrivals.size === 1);
    isDenied = true;
    let sent = 1;
    const endsAt = performance.now() + 2_000;
    while (performance.now() < endsAt || (await blocked()).length === 0) {
      await receiver.push(redis, sent, 1);
      sent += 1;
      await Bun.sleep(EVERY_MS);
    }
    isDenied = false;
    await eventually(() => receiver.arrivals.size === sent, { withinMs: 30_000 }).catch(() => {});
    const found = await blocked();
    const parked = await redis.zcard("{fluxhook:events}:parked");
    const alerts = (await redis.lrange("fluxhook:alerts", 0, -1)).filter((text) =>
      text.includes('"delivery.blocked"'),
    ).length;
    const received = receiver.arrivals.size;
    return {
      sent,
      received,
      lost: sent - received,
      duplicates: receiver.latenciesMs.length - received,
      checks: [
        check("attempts with the reason blocked-address", found.length, found.length > 0),
        check("delivered afterwards", `${received} of ${sent}`, received === sent),
        check("parked", parked, parked === 0),
        check("alerts", alerts, alerts === 1),
        check(
          "connections to the denied address",
          receiver.decoyConnections,
          receiver.decoyConnections === 0,
        ),
      ],
    };
  },
};

export const twoAddresses: readonly Scenario[] = [byNameServers, bySystem, byProxy, deniedAtTimes];
