// `fluxhook tokens` and `fluxhook audit` on a real service: what they print for people, and with --json.
import { describe, expect, test } from "bun:test";
import type { AuditEntry } from "../../src/wire/audit.ts";
import { eventually } from "../support/eventually.ts";
import { followed } from "../support/following.ts";
import { API_TOKEN } from "../support/service.ts";
import { openScene } from "../support/serve-scene.ts";
import { useCliScene } from "../support/use-scene.ts";

interface Made {
  token: string;
  id: string;
  expires_at: string | null;
  portal_url: string | null;
}

const words = (line: string) => line.split(" ");
const cli = useCliScene();

/** What the token is, by the service itself. */
async function whoIs(token: string): Promise<Record<string, unknown> | number> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${cli.service.url}/v1/me`, { headers });
  return response.ok ? ((await response.json()) as Record<string, unknown>) : response.status;
}

describe("fluxhook tokens", () => {
  test("create makes a token of an owner for the given time, and prints the link to its portal", async () => {
    const user = cli.newOwner();
    const text = await cli.done("tokens", "create", "--user", user, "--expires-in", "15m");
    const [, token = ""] = /^token +(fht_\S+)$/m.exec(text) ?? [];
    const [, expires = ""] = /^expires +(\S+)$/m.exec(text) ?? [];
    expect(Math.abs(Date.parse(expires) - Date.now() - 900_000)).toBeLessThan(60_000);
    expect(text).toContain(`portal   ${cli.service.url}/portal#token=${token}`);
    expect(await whoIs(token)).toMatchObject({ kind: "owner", user_id: user, read_only: false });
  });

  test("create passes the name, read-only, the right to make keys, and the dashboard on", async () => {
    const org = cli.newOwner();
    const read = await cli.json<Made>(...words(`tokens create --org ${org} --name CI --read-only`));
    expect(await whoIs(read.token)).toMatchObject({ org_id: org, name: "CI", read_only: true });
    const maker = await cli.json<Made>(...words(`tokens create --org ${org} --api-keys`));
    expect(await whoIs(maker.token)).toMatchObject({ api_keys: true });
    const all = await cli.json<Made>(...words("tokens create --dashboard --name anna"));
    expect(await whoIs(all.token)).toMatchObject({ kind: "dashboard", name: "anna" });
    expect(all.portal_url).toBeNull();
  });

  test("an API key is made, listed without its text, used and revoked", async () => {
    const user = cli.newOwner();
    expect(await cli.done("tokens", "list", "--user", user)).toBe("there is no API key\n");
    const made = await cli.json<Made>(
      ...words(`tokens create --user ${user} --name server --expires-in never --read-only`),
    );
    expect(made).toMatchObject({ expires_at: null, portal_url: null });
    expect(await cli.done("tokens", "list", "--user", user)).toContain("never");
    expect(await whoIs(made.token)).toMatchObject({ kind: "key", name: "server" });
    const listed = await cli.done("tokens", "list", "--user", user);
    expect(listed).toContain(made.id);
    expect(listed).toMatch(/ server .* read /);
    expect(listed).not.toContain(made.token);
    const { body } = await cli.service.api("GET", `/v1/tokens?user_id=${user}`);
    expect(await cli.json<unknown>("tokens", "list", "--user", user)).toEqual(body);
    // The key lists its owner's without naming it.
    const own = await cli.run(["tokens", "list"], { FLUXHOOK_API_TOKEN: made.token });
    expect([own.exitCode, own.stdout.includes(made.id)]).toEqual([0, true]);
    expect(await cli.done("tokens", "revoke", made.id)).toBe(`revoked ${made.id}\n`);
    expect(await whoIs(made.token)).toBe(401);
    const again = await cli.run(["tokens", "revoke", made.id]);
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("no API key")]);
  });

  test.each([
    ["tokens create --user u_1 --expires-in soon", "whole seconds such as 30s"],
    ["tokens create --user u_1 --expires-in 1500ms", "whole seconds such as 30s"],
    ["tokens revoke", "missing required argument"],
  ])("%s is wrong usage", async (line, said) => {
    const { exitCode, stderr } = await cli.run(words(line));
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  test.each([
    ["tokens create", "give either user_id, org_id or dashboard"],
    ["tokens create --user u_1 --org o_1", "give either user_id, org_id or dashboard"],
    ["tokens create --user u_1 --expires-in 31d", "expires_in_s"],
    ["tokens create --user u_1 --expires-in never", "an API key needs a name"],
    ["tokens create --dashboard --expires-in never", "a dashboard token has to expire"],
    ["tokens list", "give either user_id or org_id"],
    ["tokens revoke ..", "is not an id"],
  ])("%s is refused with the reason", async (line, said) => {
    const { exitCode, stderr } = await cli.run(words(line));
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(said)]);
  });
});

describe("fluxhook audit", () => {
  test("prints who did what, narrowed by owner and action, page by page", async () => {
    const user = cli.newOwner();
    expect(await cli.done("audit", "--user", user)).toBe("nothing was done\n");
    const { id } = await cli.webhookOf(user);
    await cli.done("webhooks", "disable", id);
    await cli.done("webhooks", "secret", id);
    await eventually(async () => (await entriesOf(user)).length === 3);
    const { stdout } = await cli.run(["audit", "--user", user], { COLUMNS: "170" });
    const actions = ["webhook.secret_revealed", "webhook.disabled", "webhook.created"];
    const places = actions.map((action) => stdout.indexOf(action));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places.every((at) => at > 0)).toBeTrue();
    expect(stdout).toContain(id);
    expect(stdout).toContain("api 1");
    const revealed = await cli.done("audit", "--user", user, "--action", actions[0]!);
    expect(revealed).not.toContain("webhook.disabled");
    const first = await cli.done("audit", "--user", user, "--limit", "2");
    const [, cursor = ""] = /^more: --cursor (\S+)$/m.exec(first) ?? [];
    const second = await cli.done("audit", "--user", user, "--cursor", cursor);
    expect(second).toContain("webhook.created");
    expect(second).not.toContain("webhook.disabled");
    const { body } = await cli.service.api("GET", `/v1/audit?user_id=${user}`);
    expect(await cli.json<unknown>("audit", "--user", user)).toEqual(body);
  });

  test.each([
    ["audit --action Webhook!", "an action such as webhook.created"],
    ["audit --follow --cursor abc", "it takes no --cursor"],
    ["audit --limit 0", "whole number from 1 to 100"],
  ])("%s is wrong usage", async (line, said) => {
    const { exitCode, stderr } = await cli.run(words(line));
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  async function entriesOf(user: string): Promise<AuditEntry[]> {
    const path = `/v1/audit?user_id=${user}`;
    return (await cli.service.api<{ audit: AuditEntry[] }>("GET", path)).body.audit;
  }
});

test("audit --follow prints each action once, in order, across a restart, until Ctrl-C", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const { port } = new URL(service.url);
  const environment = { FLUXHOOK_URL: service.url, FLUXHOOK_API_TOKEN: API_TOKEN };
  const make = async (on: typeof service, name: string) => {
    const { status } = await on.api("POST", "/v1/tokens", { user_id: "u_1", name });
    expect(status).toBe(201);
  };
  for (let n = 0; n < 12; n += 1) await make(service, `early-${n}`);
  using all = followed(["audit", "--follow", "--json"], environment);
  using people = followed(["audit", "--follow", "--action", "token"], environment);
  using owners = followed(["audit", "-f", "--user", "u_2", "--json"], environment);
  const names = () =>
    all.lines().map((line) => (JSON.parse(line) as AuditEntry).details["name"] as string);
  // The last ten, the oldest first.
  const before = Array.from({ length: 10 }, (_, n) => `early-${n + 2}`);
  await eventually(() => expect(names()).toEqual(before));
  await make(service, "new");
  await eventually(() => expect(names()).toEqual([...before, "new"]));
  await eventually(() => people.lines().length === 11);

  await service.stop();
  await eventually(() => all.stderr.includes("reconnecting"));
  const next = await scene.serve({ FLUXHOOK_PORT: port });
  await make(next, "after the restart");
  const expected = [...before, "new", "after the restart"];
  await eventually(() => expect(names()).toEqual(expected), { withinMs: 15_000 });
  expect(all.stderr).toMatch(/^fluxhook: reconnecting: .+\nfluxhook: connected again\n$/);
  await eventually(() => expect(people.lines().at(-1)).toContain("name=after the restart"), {
    withinMs: 15_000,
  });
  expect(people.lines()).toHaveLength(12);
  // Nothing of u_1 is there, and what is new of u_2 is.
  await next.api("POST", "/v1/tokens", { user_id: "u_2", name: "other" });
  await eventually(() => owners.lines().length === 1);
  expect(JSON.parse(owners.lines()[0]!)).toMatchObject({ user_id: "u_2" });
  for (const one of [all, people, owners]) one.signal("SIGINT");
  expect(await Promise.all([all.exited, people.exited, owners.exited])).toEqual([0, 0, 0]);
}, 60_000);

test("audit --follow exits with 1 when its token is no longer accepted", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const { port } = new URL(service.url);
  const environment = { FLUXHOOK_URL: service.url, FLUXHOOK_API_TOKEN: API_TOKEN };
  await service.api("POST", "/v1/tokens", { user_id: "u_1" });
  using following = followed(["audit", "--follow"], environment);
  await eventually(() => following.lines().length === 1);
  await service.stop();
  await scene.serve({ FLUXHOOK_PORT: port, FLUXHOOK_API_TOKEN: "another-token-of-24-letters" });
  expect(await following.exited).toBe(1);
  expect(following.stderr).toContain("FLUXHOOK_API_TOKEN must be");
}, 40_000);
