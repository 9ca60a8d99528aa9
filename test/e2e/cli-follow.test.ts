// `fluxhook logs --follow` beside a service that comes and goes.
import { expect, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register, type Scene } from "../support/serve-scene.ts";
import { followed, type Following } from "../support/following.ts";
import { API_TOKEN, runFluxhook, spawnFluxhook } from "../support/service.ts";

function follow(url: string, ...more: string[]): Following {
  return followed(["logs", "u_1", "--follow", ...more], {
    FLUXHOOK_URL: url,
    FLUXHOOK_API_TOKEN: API_TOKEN,
  });
}

async function logged(scene: Scene, count: number): Promise<LogEntry[]> {
  return eventually(async () => {
    const entries = await scene.logOf("u_1");
    return entries.length === count ? entries : null;
  });
}

test("logs --follow prints old and new attempts once each, in order, across a restart, until Ctrl-C", async () => {
  await using scene = await openScene();
  const first = await scene.serve();
  const { port } = new URL(first.url);
  const receiver = scene.receiver();
  await register(first, { user_id: "u_1", url: receiver.url });
  await scene.push(eventFor("u_1", 1), eventFor("u_1", 2));
  await logged(scene, 2);

  using json = follow(first.url, "--json");
  using people = follow(first.url);
  await eventually(() => json.lines().length === 2 && people.lines().length === 2);
  await scene.push(eventFor("u_1", 3));
  await eventually(() => json.lines().length === 3 && people.lines().length === 3);

  await first.stop();
  await eventually(() => json.stderr.includes("reconnecting") && people.stderr.includes("reconn"));
  await scene.push(eventFor("u_1", 4));
  await scene.serve({ FLUXHOOK_PORT: port });
  await eventually(() => json.lines().length === 4 && people.lines().length === 4);
  expect(json.stderr).toMatch(/^fluxhook: reconnecting: .+\nfluxhook: connected again\n$/);

  // A later one on the screen proves that none before it was printed again.
  await scene.push(eventFor("u_1", 5));
  await eventually(() => json.lines().length >= 5 && people.lines().length >= 5);
  const entries = (await scene.logOf("u_1")).toReversed();
  expect(json.lines().map((line) => JSON.parse(line) as LogEntry)).toEqual(
    entries.map((entry) => ({ ...entry, user_id: "u_1" })),
  );
  for (const [at, { delivery_id: id, event }] of entries.entries()) {
    expect(people.lines()[at]).toContain(id);
    expect(people.lines()[at]).toContain(event);
  }
  json.signal("SIGINT");
  people.signal("SIGTERM");
  expect(await Promise.all([json.exited, people.exited])).toEqual([0, 0]);
}, 40_000);

test("logs --follow without an owner prints those of all, narrowed by outcome and event type", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver(
    ({ path }) => new Response(null, { status: path === "/dead" ? 500 : 204 }),
  );
  await register(service, { user_id: "u_1", url: receiver.url });
  await register(service, { org_id: "o_2", url: `${receiver.url}/dead`, retry_schedule: ["0s"] });
  const options = { FLUXHOOK_URL: service.url, FLUXHOOK_API_TOKEN: API_TOKEN };
  using all = followed(["logs", "--follow"], options);
  using failed = followed(["logs", "--follow", "--outcome", "failed", "--json"], options);
  using files = followed(["logs", "u_1", "--follow", "--event", "file.*"], options);
  let pushed = 0;
  await eventually(async () => {
    pushed += 1;
    await scene.push(
      eventFor("u_1", pushed),
      eventFor("u_1", pushed, "user.left"),
      `{"org_id":"o_2","event":"user.left","data":{"n":${pushed}}}`,
    );
    await receiver.waitFor(3 * pushed);
    return [all, failed, files].every((one) => one.lines().length > 0);
  });
  await eventually(() => all.lines().some((line) => line.endsWith("org o_2")));
  await eventually(() => all.lines().some((line) => line.endsWith("user u_1")));
  for (const line of failed.lines()) {
    expect(JSON.parse(line)).toMatchObject({ org_id: "o_2", outcome: "parked" });
  }
  for (const line of files.lines()) expect(line).toContain("file.created");
}, 40_000);

test.each([
  [["logs"]],
  [["logs", "u_1", "--org", "o_1"]],
  [["logs", "u_1", "--outcome", "failed"]],
])("%j is wrong use", async (args) => {
  const { exitCode, stderr } = await runFluxhook(args, { FLUXHOOK_API_TOKEN: API_TOKEN });
  expect([exitCode, stderr.startsWith("error: ")]).toEqual([2, true]);
});

test("logs --follow exits with 1 when its token is no longer accepted", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const { port } = new URL(service.url);
  const receiver = scene.receiver();
  await register(service, { user_id: "u_1", url: receiver.url });
  await scene.push(eventFor("u_1", 1));
  await logged(scene, 1);
  using following = follow(service.url);
  await eventually(() => following.lines().length === 1);
  await service.stop();
  await scene.serve({ FLUXHOOK_PORT: port, FLUXHOOK_API_TOKEN: "another-token-of-24-letters" });
  expect(await following.exited).toBe(1);
  await eventually(() => following.stderr.includes("FLUXHOOK_API_TOKEN must be"));
}, 40_000);

test("logs --follow ends when its output is closed", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver();
  await register(service, { user_id: "u_1", url: receiver.url });
  await scene.push(eventFor("u_1", 1));
  await logged(scene, 1);
  const child = spawnFluxhook(["logs", "u_1", "--follow"], {
    FLUXHOOK_URL: service.url,
    FLUXHOOK_API_TOKEN: API_TOKEN,
  });
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  await scene.push(eventFor("u_1", 2));
  expect(await child.exited).toBe(0);
}, 40_000);
