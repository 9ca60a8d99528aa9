// `fluxhook workflows` and `flux.workflows` on a real service: a document that is checked, created, run, changed and
// deleted.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Flux, FluxError } from "../../src/sdk/index.ts";
import { eventually } from "../support/eventually.ts";
import { openCliScene, type CliScene } from "../support/cli-scene.ts";
import { API_TOKEN } from "../support/service.ts";

let cli: CliScene;
beforeAll(async () => {
  cli = await openCliScene();
});
afterAll(() => cli[Symbol.asyncDispose]());

const DOCUMENT = {
  name: "Orders",
  trigger: { response: { mode: "lastNode" as const } },
  nodes: [{ id: "greet", type: "set" as const, value: "Hello {{trigger.data.name}}" }],
};

const withFile = (command: string[], document: unknown) =>
  cli.run(["workflows", ...command, "-"], {}, JSON.stringify(document));

test("a document is checked, created, run, replaced and deleted", async () => {
  const wrong = await withFile(["check"], {
    ...DOCUMENT,
    nodes: [{ id: "a", type: "set", value: "{{x}}" }],
  });
  expect([wrong.exitCode, wrong.stdout]).toEqual([
    1,
    "nodes.0.value: x is not a value that an expression can use; there are trigger, nodes and execution\n",
  ]);
  expect((await withFile(["check"], DOCUMENT)).stdout).toBe("it can be saved\n");
  const created = await withFile(["create"], { id: "cli", ...DOCUMENT });
  expect(created.exitCode).toBe(0);
  expect(created.stdout).toContain(`${cli.service.url}/api/webhooks/cli`);
  expect(created.stdout).toContain("whsec_");
  expect(await cli.done("workflows", "list")).toContain("Orders");
  expect(await cli.done("workflows", "get", "cli")).not.toContain("whsec_");

  const run = await cli.run(["workflows", "test", "cli", "--data", "-"], {}, '{"name":"Ada"}');
  expect([run.exitCode, run.stderr]).toEqual([0, ""]);
  expect(run.stdout).toContain('"Hello Ada"');
  const failed = await cli.run(["workflows", "test", "cli"]);
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toContain("trigger.data.name does not exist");

  const replaced = await cli.run(
    ["workflows", "replace", "cli", "-"],
    {},
    JSON.stringify({ ...DOCUMENT, name: "Renamed" }),
  );
  expect(replaced.exitCode).toBe(0);
  expect(await cli.json<{ name: string }>("workflows", "get", "cli")).toMatchObject({
    name: "Renamed",
  });
  expect(await cli.done("workflows", "disable", "cli")).toBe("disabled cli\n");
  expect(await cli.done("workflows", "enable", "cli")).toBe("enabled cli\n");
  expect(await cli.done("workflows", "delete", "cli")).toBe("deleted cli\n");
  const gone = await cli.run(["workflows", "get", "cli"]);
  expect(gone.exitCode).toBe(1);
  expect(gone.stderr).toContain("there is no workflow with this id");
});

test("a secret of one's own has 8 to 128 characters, and comes by a variable", async () => {
  await withFile(["create"], { id: "secrets", ...DOCUMENT });
  const short = await cli.run(["workflows", "rotate", "secrets", "--secret-env", "OWN"], {
    OWN: "short",
  });
  expect(short.exitCode).toBe(2);
  expect(short.stderr).toContain("8 to 128");
  const own = { OWN: "a-secret" };
  const rotated = await cli.run(["workflows", "rotate", "secrets", "--secret-env", "OWN"], own);
  expect(rotated.exitCode).toBe(0);
  expect(await cli.done("workflows", "secret", "secrets")).toBe("a-secret\n");
});

test("the SDK creates a workflow, and a signed request is answered by it", async () => {
  const flux = new Flux({ apiKey: API_TOKEN, baseUrl: cli.service.url });
  const { url, secret, trigger } = await flux.workflows.create({ id: "sdk", ...DOCUMENT });
  expect(trigger?.response?.mode).toBe("lastNode");
  const body = '{"name":"Grace"}';
  const answer = await eventually(async () => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-webhook-signature": createHmac("sha256", secret).update(body).digest("hex"),
      },
      body,
    });
    return response.status === 200 ? response.text() : null;
  });
  expect(answer).toBe('"Hello Grace"');
  const { state, nodes } = await flux.workflows.test("sdk", { data: { name: "Ada" } });
  expect([state, nodes[0]?.output]).toEqual(["finished", "Hello Ada"]);
  const ids = [];
  for await (const { id } of flux.workflows.list()) ids.push(id);
  expect(ids).toContain("sdk");
  expect((await flux.workflows.check({ name: "", nodes: [] })).errors.length).toBeGreaterThan(0);
  await flux.workflows.update("sdk", { name: "Changed" });
  expect((await flux.workflows.get("sdk")).name).toBe("Changed");
  expect((await flux.workflows.disable("sdk")).enabled).toBe(false);
  const { secret: rotated } = await flux.workflows.rotateSecret("sdk");
  expect((await flux.workflows.revealSecret("sdk")).secret).toBe(rotated);
  await flux.workflows.delete("sdk");
  const gone = await flux.workflows.get("sdk").catch((error: unknown) => error);
  expect(gone).toBeInstanceOf(FluxError);
});
