// `fluxhook completion`: the words it offers, and its script in a real bash.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { runFluxhook } from "../support/service.ts";

const folder = mkdtempSync(join(tmpdir(), "fluxhook-completion-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const catalogue = join(folder, "events.json");
writeFileSync(catalogue, '[{"name":"order.paid"},{"name":"order.sent"},{"name":"ping"}]');
const own = { FLUXHOOK_EVENT_CATALOGUE: catalogue };

async function words(args: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const command = ["completion", "--words", "--", ...args];
  const { exitCode, stdout, stderr } = await runFluxhook(command, env);
  expect([exitCode, stderr]).toEqual([0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

describe("the words that can follow", () => {
  test.each<[string[], string[]]>([
    [["webh"], ["webhooks"]],
    [["webhooks", "re"], []],
    [["webhooks", "ro"], ["rotate"]],
    [
      ["webhooks", "create", "--dialect", "fluxd"],
      ["fluxdrop", "fluxdesk"],
    ],
    [["send", "--sam"], ["--sample"]],
    [
      ["send", "order."],
      ["order.paid", "order.sent"],
    ],
    [["send", "order.paid", "order."], []],
    [["webhooks", "create", "--events", "ping,order.p"], ["ping,order.paid"]],
    [["webhooks", "create", "--events", "order.*"], ["order.*"]],
    [["webhooks", "test", "wh_1", "--event", "p"], ["ping"]],
    [["completion", "z"], ["zsh"]],
    [["config", "apply", ""], []],
  ])("after %p are %p", async (args, expected) => {
    expect(await words(args, own)).toEqual(expected);
  });

  test("are the dialects' event types if the environment names no catalogue", async () => {
    expect(await words(["send", "file.c"])).toEqual(["file.created"]);
  });

  test("are still offered if a setting is wrong", async () => {
    const wrong = { FLUXHOOK_EVENT_CATALOGUE: "/nowhere.json" };
    expect(await words(["send", "file.c"], wrong)).toEqual(["file.created"]);
  });
});

test("the script for bash fills in what this command offers", async () => {
  const { stdout: script } = await runFluxhook(["completion", "bash"]);
  const main = join(import.meta.dir, "../../src/main.ts");
  // As bash sets them when Tab is pressed after `fluxhook webhooks ro`.
  const pressed = `fluxhook() { ${process.execPath} ${main} "$@"; }
${script}
COMP_WORDS=(fluxhook webhooks ro); COMP_CWORD=2; _fluxhook; echo "\${COMPREPLY[@]}"`;
  const child = Bun.spawn(["bash", "--norc", "-c", pressed], { stderr: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("rotate\n");
});

test.each([[["completion", "tcsh"]], [["completion", "bash", "zsh"]]])(
  "%p is wrong usage",
  async (args) => {
    const { exitCode, stderr } = await runFluxhook(args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("bash, zsh, fish")]);
  },
);
