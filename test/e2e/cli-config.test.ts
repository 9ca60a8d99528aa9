// `fluxhook config` on a real service: a document that is printed, edited and applied.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Config, ConfigApplied } from "../../src/wire/config-document.ts";
import { openCliScene, type CliScene } from "../support/cli-scene.ts";

let cli: CliScene;
beforeAll(async () => {
  cli = await openCliScene();
});
afterAll(() => cli[Symbol.asyncDispose]());

const apply = (document: unknown, ...args: string[]) =>
  cli.run(["config", "apply", "-", ...args], {}, JSON.stringify(document));

async function documentOf(user: string): Promise<Config & { etag: string }> {
  return JSON.parse(await cli.done("config", "get", "--user", user)) as Config & { etag: string };
}

test("config get prints a document that config apply takes", async () => {
  const user = cli.newOwner();
  const { id } = await cli.webhookOf(user);
  const document = await documentOf(user);
  expect(document.webhooks.map((one) => one.id)).toEqual([id]);
  const [entry] = document.webhooks;
  const url = `${cli.receiver.url}/another`;
  const edited = { ...document, webhooks: [{ ...entry, description: "edited" }, { url }] };

  const dry = await apply(edited, "--user", user, "--dry-run");
  expect([dry.exitCode, dry.stderr]).toEqual([0, ""]);
  expect(dry.stdout.split("\n")).toEqual([
    `+ new  ${url}`,
    `~ ${id}  ${entry?.url}  (description)`,
    "would be created 1, changed 1, deleted 0",
    "",
  ]);
  expect((await documentOf(user)).etag).toBe(document.etag);

  const done = await apply(edited, "--user", user, "--json");
  expect(done.exitCode).toBe(0);
  const { created } = JSON.parse(done.stdout) as ConfigApplied;
  expect(created).toMatchObject([{ index: 1, url, secret: expect.stringMatching(/^whsec_/) }]);
  expect((await documentOf(user)).webhooks).toHaveLength(2);
});

test("config apply refuses a document that is older than another change, unless --force is given", async () => {
  const user = cli.newOwner();
  const { id } = await cli.webhookOf(user);
  const document = await documentOf(user);
  await cli.done("webhooks", "update", id, "--description", "another");
  const refused = await apply({ ...document, webhooks: [] }, "--user", user);
  expect([refused.exitCode, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toContain("412");
  expect((await documentOf(user)).webhooks).toHaveLength(1);
  const forced = await apply({ ...document, webhooks: [] }, "--user", user, "--force");
  expect(forced.stdout).toContain(`- ${id}  `);
  expect((await documentOf(user)).webhooks).toEqual([]);
});

test("config apply takes a document without a version, and prints the secret of a new webhook", async () => {
  const user = cli.newOwner();
  const done = await apply({ webhooks: [{ url: cli.receiver.url }] }, "--user", user);
  expect(done.stdout).toMatch(/^\+ wh_\w+ {2}http\S+\n {2}secret {2}whsec_\S+\ncreated 1, /);
});

test("config apply names every problem of the document", async () => {
  const wrong = await apply({ webhooks: [{ url: "ftp://a" }, { id: "wh_none" }] }, "--user", "u");
  expect(wrong.exitCode).toBe(1);
  expect(wrong.stderr).toContain("webhooks.0.url: ");
  expect(wrong.stderr).toContain("webhooks.1.id: ");
});

test.each([
  ["no owner", ["config", "get"], "give one owner"],
  ["two owners", ["config", "get", "--user", "u", "--org", "o"], "give one owner"],
  ["a missing file", ["config", "apply", "/nowhere", "--user", "u"], "ENOENT"],
])("config is wrong usage with %s", async (_, args, message) => {
  const { exitCode, stderr } = await cli.run(args);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test.each([
  ["text that is not JSON", "{", "it is not JSON"],
  ["an array", "[]", "it is not an object"],
  ["a version that is no text", '{"etag":1,"webhooks":[]}', '"etag" is not a text'],
])("config apply refuses %s", async (_, text, message) => {
  const { exitCode, stderr } = await cli.run(["config", "apply", "-", "--user", "u"], {}, text);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
});
