// The commands where the API says no or nobody answers; and what they never print.
import { describe, expect, test } from "bun:test";
import { CLI_SECRET } from "../support/cli-scene.ts";
import { API_TOKEN } from "../support/service.ts";
import { useCliScene } from "../support/use-scene.ts";

const ESCAPE = "\u001b[";

const cli = useCliScene();

describe("a command that the API refuses", () => {
  test("exits with 1 and prints each fault of the input on a line of its own", async () => {
    const { exitCode, stdout, stderr } = await cli.run([
      ..."webhooks create ftp://example.com/ --user u_1 --header Host:x".split(" "),
      ..."--events a..b --retry-schedule soon".split(" "),
    ]);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toStartWith("fluxhook: 422 The input is invalid: 4 fields are invalid\n");
    expect(stderr).toContain('\n  url: the scheme "ftp:" is not accepted; use https: or http:\n');
    expect(stderr).toContain('\n  events.0: "a..b" is not an event type such as file.created');
    expect(stderr).toContain("\n  headers.Host: ");
    expect(stderr).toContain('\n  retry_schedule.0: "soon" is not a duration such as 250ms');
  });

  test.each([
    [["webhooks", "get", "wh_none"], "404 Not found: there is no webhook with this id"],
    [["webhooks", "test", "../events"], "404"],
    [["webhooks", "get", ".."], '".." is not an id'],
    [["parked", "redeliver", "."], '"." is not an id'],
    [["logs", "u_1"], "FLUXHOOK_API_TOKEN must be the service's token"],
  ])("%j exits with 1 and says why", async (args, says) => {
    const wrong = { FLUXHOOK_API_TOKEN: "canary-of-twenty-four-letters" };
    const result = await cli.run(args, args[0] === "logs" ? wrong : {});
    expect([result.exitCode, result.stdout]).toEqual([1, ""]);
    expect(result.stderr).toContain(says);
    expect(result.stderr).not.toMatch(/canary|^\s+at /m);
  });

  test("names the webhook that exists already", async () => {
    const user = cli.newOwner();
    const { id } = await cli.webhookOf(user, "/twin");
    const twin = ["webhooks", "create", `${cli.receiver.url}/twin`, "--user", user];
    const { exitCode, stderr } = await cli.run(twin);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`${id} has this url`)]);
  });

  test("leaves the refusal on standard error with --json", async () => {
    const result = await cli.run(["webhooks", "get", "wh_none", "--json"]);
    expect([result.exitCode, result.stdout]).toEqual([1, ""]);
  });
});

describe("a command that reaches no service", () => {
  const EVERY = [
    ["logs", "u_1"],
    ["webhooks", "list", "--user", "u_1"],
    ["parked", "list"],
    ["rejected", "list"],
    ["webhooks", "test", "wh_1"],
    ["logs", "u_1", "--follow"],
  ];
  test.each(EVERY.map((args) => ({ args })))(
    "$args exits with 1 and says what to check",
    async ({ args }) => {
      const { exitCode, stdout, stderr } = await cli.run(args, {
        FLUXHOOK_URL: "http://127.0.0.1:1",
      });
      expect([exitCode, stdout]).toEqual([1, ""]);
      expect(stderr).toBe(
        'fluxhook: no API answers at http://127.0.0.1:1 (ECONNREFUSED); is "fluxhook serve" running there? FLUXHOOK_URL sets the address\n',
      );
    },
  );

  test("reports an answer from another program, and follows no redirect with the token", async () => {
    const elsewhere = cli.scene.receiver();
    const other = cli.scene.receiver(() => Response.redirect(elsewhere.url, 302));
    const html = cli.scene.receiver(() => new Response("<h1>hello</h1>"));
    for (const { url } of [other, html]) {
      const { exitCode, stderr } = await cli.run(["logs", "u_1"], { FLUXHOOK_URL: url });
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("not as Fluxhook does")]);
    }
    expect(elsewhere.requests).toHaveLength(0);
  });

  test("send --api repeats its request under the same key, so nothing is pushed twice", async () => {
    const flaky = cli.scene.receiver(async ({ headers, text }, index) => {
      const answer = await fetch(`${cli.service.url}/v1/events`, {
        method: "POST",
        headers: {
          Authorization: headers.get("authorization") ?? "",
          "Content-Type": "application/json",
          "Idempotency-Key": headers.get("idempotency-key") ?? "",
        },
        body: text,
      });
      return index === 0 ? new Response(null, { status: 502 }) : answer;
    });
    const user = cli.newOwner();
    await cli.webhookOf(user);
    const { exitCode, stdout } = await cli.run(["send", "a.b", "--user", user, "--api"], {
      FLUXHOOK_URL: flaky.url,
    });
    expect([exitCode, flaky.requests.length]).toEqual([0, 2]);
    // The second event comes after all copies of the first one.
    await cli.done("send", "a.b", "--user", user, "--id", "last");
    const entries = await cli.logged(user, 2);
    expect(entries.map(({ id }) => id)).toEqual(["last", stdout.trim()]);
  });
});

describe("colours", () => {
  test("appear only when they are asked for, not with NO_COLOR or into a pipe", async () => {
    const user = cli.newOwner();
    await cli.webhookOf(user);
    const list = ["webhooks", "list", "--user", user];
    // CI means colours to some libraries; a pipe is a pipe.
    expect((await cli.run(list, { CI: "true" })).stdout).not.toContain(ESCAPE);
    expect((await cli.run(list, { FORCE_COLOR: "1" })).stdout).toContain(ESCAPE);
    expect((await cli.run(list, { FORCE_COLOR: "1", NO_COLOR: "1" })).stdout).not.toContain(ESCAPE);
    expect((await cli.run([...list, "--json"], { FORCE_COLOR: "1" })).stdout).not.toContain(ESCAPE);
  });
});

test("no command prints a secret that was not asked for", async () => {
  const user = cli.newOwner();
  const { id } = await cli.webhookOf(user, "/dead?token=canary-query");
  await cli.done("send", "a.b", "--user", user);
  await cli.logged(user, 1);
  for (const args of [
    ["webhooks", "list", "--user", user],
    ["webhooks", "get", id],
    ["webhooks", "update", id, "--description", "x"],
    ["webhooks", "disable", id],
    ["webhooks", "enable", id],
    ["logs", user],
    ["parked", "list", "--user", user],
  ]) {
    for (const how of [[], ["--json"]]) {
      const { stdout, stderr } = await cli.run([...args, ...how]);
      expect([args, (stdout + stderr).includes(CLI_SECRET)]).toEqual([args, false]);
      expect([args, (stdout + stderr).includes(API_TOKEN)]).toEqual([args, false]);
      // By contract the API's own answer has the url as it was registered.
      if (how.length === 0) expect([args, stdout.includes("canary-query")]).toEqual([args, false]);
    }
  }
});
