// Guarantee 10: after any failure of Valkey the caller gets an error, and the link reconnects by itself.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ReplyError } from "iovalkey";
import { Link } from "../../../src/valkey/connection/link.ts";
import type { LocalValkey } from "../../../src/local-valkey/start.ts";
import { ValkeyFull, ValkeyUnavailable } from "../../../src/valkey/connection/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { startTcpReceiver } from "../../support/tcp-receiver.ts";
import { freshPrefix, ownValkey, tempFolder, testRedis } from "../../support/valkey.ts";

let valkey: LocalValkey;
const socket = `${tempFolder("socket")}/valkey.sock`;
beforeAll(async () => {
  valkey = await ownValkey({ appendOnly: false, extraArgs: ["--unixsocket", socket] });
});
afterAll(() => valkey.stop());

const links: Link[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.close();
});

interface Watched {
  link: Link;
  name: string;
  ups: number;
  downs: string[];
}

function open(url = valkey.url, deadlineMs = 2_000): Watched {
  const name = freshPrefix();
  const watched: Watched = { name, ups: 0, downs: [], link: null as unknown as Link };
  watched.link = new Link({
    url,
    name,
    deadlineMs,
    onUp: () => (watched.ups += 1),
    onDown: (reason) => watched.downs.push(reason),
  }).open();
  links.push(watched.link);
  return watched;
}

async function openAndUp(deadlineMs?: number): Promise<Watched> {
  const watched = open(valkey.url, deadlineMs);
  await watched.link.whenUp();
  return watched;
}

/** Returns the result of a command that Valkey never answers. */
const blocked = (link: Link) => link.run((client) => client.blpop(freshPrefix(), 0), 60_000);

const works = async (link: Link) => {
  await link.whenUp();
  return link.run((client) => client.ping());
};

async function problemOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    if (error instanceof ValkeyUnavailable) return error.message;
    throw error;
  }
  throw new Error("it was answered");
}

test("the link connects with every scheme that the settings accept, and under its name", async () => {
  const valkeyUrl = valkey.url.replace("redis:", "valkey:");
  for (const url of [valkey.url, valkeyUrl, socket, `unix://${socket}`]) {
    const { link, name, ups } = open(url);
    expect(link.isUp).toBeFalse();
    expect(ups).toBe(0);
    expect(await works(link)).toBe("PONG");
    expect(await link.run((client) => client.call("CLIENT", "GETNAME"))).toBe(name);
  }
});

test("a command is refused at once while the link is down, and never sent later", async () => {
  const watched = open();
  const { link } = watched;
  const key = freshPrefix();
  const refused = () => problemOf(link.run((client) => client.incr(key)));
  expect(await refused()).toBe("not connected yet");
  await link.whenUp();
  valkey.signal("SIGKILL");
  await valkey.exited;
  await eventually(() => !link.isUp);

  await Promise.all(Array.from({ length: 1_000 }, refused));

  await eventually(() => link.lastProblem.includes("ECONNREFUSED"));
  await valkey.restart();
  await link.whenUp();
  expect(await link.run((client) => client.exists(key))).toBe(0);
  expect(watched.ups).toBe(2);
  expect(watched.downs).toHaveLength(1);
});

test("a killed server rejects every pending command", async () => {
  const { link } = await openAndUp();
  const waiting = Promise.all([1, 2, 3].map(() => problemOf(blocked(link))));
  valkey.signal("SIGKILL");
  expect(await waiting).toHaveLength(3);
  await valkey.restart();
  expect(await works(link)).toBe("PONG");
  expect(link.connections).toBe(2);
});

test("the link drops the connection to a frozen server after the deadline, and reconnects afterwards", async () => {
  const { link, downs } = await openAndUp();
  valkey.signal("SIGSTOP");
  const patient = blocked(link);
  const hasty = link.run((client) => client.ping(), 50);
  try {
    // The first command that reaches its deadline fails all: none of them would be answered.
    expect(await Promise.all([problemOf(hasty), problemOf(patient)])).toEqual([
      "no answer in time",
      "no answer in time",
    ]);
    expect(link.isUp).toBeFalse();
    expect(downs).toEqual(["no answer in time"]);
  } finally {
    valkey.signal("SIGCONT");
  }
  expect(await works(link)).toBe("PONG");
});

test("the link's own deadline applies if the caller gives none", async () => {
  const { link } = await openAndUp(50);
  expect(await problemOf(link.run((client) => client.blpop(freshPrefix(), 0)))).toBe(
    "no answer in time",
  );
  expect(await works(link)).toBe("PONG");
});

test("a connection that the server closes rejects pending commands, and the link reconnects", async () => {
  const { link, name, downs } = await openAndUp();
  const waiting = problemOf(blocked(link));
  const redis = await testRedis(valkey.url);
  const clients = String(await redis.call("CLIENT", "LIST"));
  const id = new RegExp(`id=(\\d+) .* name=${name} `).exec(clients)?.[1];
  await redis.call("CLIENT", "KILL", "ID", String(id));
  redis.disconnect();
  await waiting;
  expect(await works(link)).toBe("PONG");
  expect(downs).toHaveLength(1);
});

test.each([
  ["resets", "ECONNRESET"],
  ["closes", "closed"],
])("the link keeps reconnecting to a server that %s every connection", async (how, problem) => {
  const server = await startTcpReceiver((connection) =>
    how === "resets" ? connection.reset() : connection.close(),
  );
  const watched = open(`redis://127.0.0.1:${server.port}`);
  await server.waitForConnections(3);
  expect(watched.link.lastProblem).toContain(problem);
  expect(watched.ups).toBe(0);
  expect(watched.downs).toEqual([]);
  watched.link.close();
  await server.stop();
});

test("the link drops a server that became a replica, until it accepts writes again", async () => {
  const { link } = await openAndUp();
  const key = freshPrefix();
  const redis = await testRedis(valkey.url);
  await redis.call("REPLICAOF", "127.0.0.1", "1");
  expect(await problemOf(link.run((client) => client.set(key, "1")))).toStartWith("READONLY ");
  await redis.call("REPLICAOF", "NO", "ONE");
  redis.disconnect();
  await link.whenUp();
  expect(await link.run((client) => client.set(key, "1"))).toBe("OK");
});

test("the link reconnects less and less often to a server that accepts no writes", async () => {
  const { link } = await openAndUp();
  const redis = await testRedis(valkey.url);
  await redis.call("REPLICAOF", "127.0.0.1", "1");
  const startedAt = performance.now();
  for (let i = 0; i < 5; i += 1) {
    await link.whenUp();
    await problemOf(link.run((client) => client.set(freshPrefix(), "1")));
  }
  // Between five connections are 50, 100, 200 and 400 ms; with a constant delay it would be 200 in total.
  expect(performance.now() - startedAt).toBeGreaterThan(700);
  await redis.call("REPLICAOF", "NO", "ONE");
  redis.disconnect();
});

const reply = (link: Link, text: string) =>
  link.run((client) => client.eval(`return redis.error_reply(ARGV[1])`, 0, text));

describe("an error reply", () => {
  test.each([
    "READONLY You can't write against a read only replica.",
    "LOADING Valkey is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOREPLICAS Not enough good replicas to write.",
    "NOAUTH Authentication required.",
    "UNBLOCKED force unblock from blocking operation",
    "BUSY Valkey is busy running a script.",
    "MISCONF Valkey is configured to save RDB snapshots, but cannot persist to disk.",
  ])("%p means not on this connection, not now", async (text) => {
    const { link } = await openAndUp();
    expect(await problemOf(reply(link, text))).toBe(text);
    expect(link.isUp).toBeFalse();
    expect(await works(link)).toBe("PONG");
  });

  test.each(["WRONGTYPE Operation against a key", "ERR unknown command"])(
    "%p is the command's own failure and keeps the connection",
    async (text) => {
      const { link } = await openAndUp();
      expect(reply(link, text)).rejects.toThrow(text);
      expect(reply(link, text)).rejects.not.toBeInstanceOf(ValkeyUnavailable);
      expect(link.isUp).toBeTrue();
      expect(link.connections).toBe(1);
    },
  );
});

test("an error reply is recognized when the build has shortened class names", async () => {
  const { link } = await openAndUp();
  const named = ReplyError as { name: string };
  const { name } = named;
  Object.defineProperty(named, "name", { value: "e", configurable: true });
  try {
    expect(await reply(link, "WRONGTYPE it is").catch(String)).toBe("e: WRONGTYPE it is");
    expect(link.isUp).toBeTrue();
  } finally {
    Object.defineProperty(named, "name", { value: name, configurable: true });
  }
});

test("a write at the memory limit throws ValkeyFull, and the connection stays", async () => {
  const { link } = await openAndUp();
  const redis = await testRedis(valkey.url);
  await redis.config("SET", "maxmemory", 1);
  try {
    const write = link.run((client) => client.set(freshPrefix(), "1"));
    expect(write).rejects.toBeInstanceOf(ValkeyFull);
    expect(link.connections).toBe(1);
  } finally {
    await redis.config("SET", "maxmemory", 0);
    redis.disconnect();
  }
});

test("a programming error is thrown unchanged and keeps the connection", async () => {
  const { link } = await openAndUp();
  for (const mistake of [new TypeError("x is not a function"), new RangeError("too long")]) {
    const run = link.run(() => {
      throw mistake;
    });
    expect(run).rejects.toBe(mistake);
  }
  expect(link.connections).toBe(1);
  expect(link.isUp).toBeTrue();
});

test("a wrong password is reported as the problem, without the password", async () => {
  const redis = await testRedis(valkey.url);
  await redis.config("SET", "requirepass", "right-password");
  try {
    const port = new URL(valkey.url).port;
    const { link } = open(`redis://:wrong-password@127.0.0.1:${port}`);
    const problem = await eventually(() => /WRONGPASS|NOAUTH/.test(link.lastProblem) && link);
    expect(problem.lastProblem).not.toContain("password@");
    expect(await problemOf(link.run((client) => client.ping()))).not.toContain("wrong-password");
    expect(await works(open(`redis://:right-password@127.0.0.1:${port}`).link)).toBe("PONG");
  } finally {
    await redis.config("SET", "requirepass", "");
    redis.disconnect();
  }
});

test("close rejects pending commands, ends every wait for the link, and is final", async () => {
  const { link, downs } = await openAndUp();
  const waiting = problemOf(blocked(link));
  link.close();
  expect(await waiting).toBe("closed");
  await link.whenUp();
  expect(await problemOf(link.run((client) => client.ping()))).toBe("closed");
  expect(downs).toEqual([]);

  const never = open("redis://127.0.0.1:1");
  const up = never.link.whenUp();
  never.link.close();
  await up;
  expect(never.link.isUp).toBeFalse();
});

test("reset replaces the connection with a new one", async () => {
  const { link } = await openAndUp();
  const waiting = problemOf(blocked(link));
  link.reset("the test says so");
  expect(await waiting).toBe("the test says so");
  expect(await works(link)).toBe("PONG");
  expect(link.connections).toBe(2);
});
