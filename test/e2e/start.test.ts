// How a process starts: without Valkey, with wrong settings, on a port that is taken.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { eventFor, register } from "../support/serve-scene.ts";
import { pushEvents } from "../support/push-events.ts";
import { startReceiver } from "../support/receiver.ts";
import { API_TOKEN, runFluxhook, startServiceProcess } from "../support/service.ts";
import { startTcpReceiver, type TcpReceiver } from "../support/tcp-receiver.ts";
import { freshPrefix, ownValkey } from "../support/valkey.ts";

// Stands in Valkey's place: a command that must not connect would be seen here.
let nobody: TcpReceiver;
beforeAll(async () => void (nobody = await startTcpReceiver()));
afterAll(() => nobody.stop());

const valkeyUrl = () => `redis://127.0.0.1:${nobody.port}`;
const STACK_TRACE = /^\s+at /m;

test("serve starts without Valkey, reports that, and becomes ready as soon as Valkey is up", async () => {
  const receiver = startReceiver();
  const firstValkey = await ownValkey();
  const { port } = firstValkey;
  await firstValkey.stop();
  const prefix = freshPrefix();
  await using service = await startServiceProcess({
    valkeyUrl: `redis://127.0.0.1:${port}`,
    prefix,
    awaitReady: false,
  });

  const statusOf = async (path: string) => {
    const response = await fetch(service.url + path, {
      headers: { Authorization: `Bearer ${API_TOKEN}` },
      // In the contract: the API says so within a second.
      signal: AbortSignal.timeout(1_000),
    });
    return [response.status, response.headers.get("content-type")];
  };
  const unavailable = [503, "application/problem+json"];
  expect(await statusOf("/healthz")).toEqual([200, "application/json"]);
  expect(await statusOf("/readyz")).toEqual(unavailable);
  expect(await statusOf("/v1/webhooks?user_id=u_1")).toEqual(unavailable);
  expect(await statusOf("/v1/users/u_1/logs")).toEqual(unavailable);
  const { status, body } = await service.api("GET", "/readyz");
  expect([status, String(body.detail)]).toEqual([503, expect.stringContaining("ECONNREFUSED")]);
  await eventually(() => service.lines.some(({ event }) => event === "valkey.awaited"));

  const valkey = await ownValkey({ port });
  await eventually(async () => (await service.api("GET", "/readyz")).status === 200);
  await register(service, { user_id: "u_1", url: receiver.url });
  await pushEvents(valkey.url, `${prefix}:events`, [eventFor("u_1")]);
  await receiver.waitFor(1);
  expect(service.lines.some(({ event }) => event === "service.ready")).toBeTrue();
  await receiver.stop();
  await valkey.stop();
});

test("wrong settings end serve with 2 before anything connects, and one message names them all", async () => {
  const { exitCode, stdout, stderr } = await runFluxhook(["serve"], {
    FLUXHOOK_VALKEY_URL: valkeyUrl(),
    FLUXHOOK_PORT: "65536",
    FLUXHOOK_CLAIM: "sometimes",
    FLUXHOOK_SHUTDOWN_GRACE: "10",
    FLUXHOOK_EGRESS_ALLOW: "10.0.0.0/8,localhost",
    FLUXHOOK_EGRESS_HTTP: "yes",
    FLUXHOOK_VALKEYURL: "redis://127.0.0.1",
    FLUXHOOK_API_TOKEN: "s3cret",
  });

  expect(exitCode).toBe(2);
  expect(stdout).toBe("");
  for (const [name, wrong] of [
    ["PORT", "65536"],
    ["CLAIM", "sometimes"],
    ["SHUTDOWN_GRACE", "10"],
    ["EGRESS_ALLOW", "localhost"],
    ["EGRESS_HTTP", "yes"],
    ["VALKEYURL", "did you mean FLUXHOOK_VALKEY_URL"],
    ["API_TOKEN", "24"],
  ]) {
    expect(stderr).toMatch(new RegExp(`FLUXHOOK_${name} .*${wrong}`));
  }
  expect(stderr).not.toContain("s3cret");
  expect(stderr).not.toMatch(STACK_TRACE);
  expect(nobody.connections).toHaveLength(0);
});

test("serve requires the API token, and prints Valkey's address without its password", async () => {
  const { exitCode, stderr } = await runFluxhook([], {
    FLUXHOOK_VALKEY_URL: "http://anna:s3cret@127.0.0.1",
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain("FLUXHOOK_API_TOKEN is required");
  expect(stderr).toContain("FLUXHOOK_VALKEY_URL");
  expect(stderr).not.toContain("s3cret");
});

test("a port in use ends serve with 1 and a message that names the port", async () => {
  const { exitCode, stderr } = await runFluxhook(["serve"], {
    FLUXHOOK_VALKEY_URL: valkeyUrl(),
    FLUXHOOK_API_TOKEN: API_TOKEN,
    FLUXHOOK_PORT: String(nobody.port),
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`cannot listen on 127.0.0.1:${nobody.port} (EADDRINUSE)`);
  expect(stderr).toContain("FLUXHOOK_PORT");
  expect(stderr).not.toMatch(STACK_TRACE);
});

test("--help names every command and setting, --version the version", async () => {
  const help = await runFluxhook(["--help"]);
  expect([help.exitCode, help.stderr]).toEqual([0, ""]);
  for (const word of ["serve", "dev", "FLUXHOOK_VALKEY_URL", "redis://127.0.0.1:6379"]) {
    expect(help.stdout).toContain(word);
  }
  const version = await runFluxhook(["--version"]);
  expect([version.exitCode, version.stderr]).toEqual([0, ""]);
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  { args: ["deliver"] },
  { args: ["serve", "--fast"] },
  { args: ["dev", "--once", "more"] },
])("wrong usage exits with 2 and points to the help: $args", async ({ args }) => {
  const { exitCode, stdout, stderr } = await runFluxhook(args);
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/\(fluxhook (?:\w+ )?--help /);
  expect(stderr).not.toMatch(STACK_TRACE);
});
