import { describe, expect, test } from "bun:test";
import { runFluxhook } from "../../support/service.ts";

const ENV = {
  FLUXHOOK_URL: "http://127.0.0.1:9",
  FLUXHOOK_API_TOKEN: "test-token-of-thirty-two-letters",
};
const FORWARD = ["--forward-to", "3000"];

describe("fluxhook listen ends at once and says what to do", () => {
  test.each<[string, string[], string]>([
    ["without --forward-to", [], "required option '--forward-to <address>'"],
    ["with one that is no address", ["--forward-to", "localhost"], "such as 3000, localhost:3000"],
    ["with two owners", [...FORWARD, "--user", "u", "--org", "o"], "either --user or --org"],
    ["with a pattern that is none", [...FORWARD, "--events", "file*"], "It must be"],
    ["with another dialect", [...FORWARD, "--dialect", "slack"], "fluxdrop"],
  ])("%s", async (_, args, said) => {
    const { exitCode, stdout, stderr } = await runFluxhook(["listen", ...args], ENV);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(said);
    expect(stderr).toContain("fluxhook listen --forward-to localhost:3000/webhooks/flux");
  });

  test("without a token", async () => {
    const { exitCode, stderr } = await runFluxhook(["listen", ...FORWARD]);
    expect([exitCode, stderr.includes("FLUXHOOK_API_TOKEN is required")]).toEqual([2, true]);
  });

  test("if no service answers", async () => {
    const { exitCode, stderr } = await runFluxhook(["listen", ...FORWARD], ENV);
    expect([exitCode, stderr.includes("no API answers at http://127.0.0.1:9")]).toEqual([1, true]);
  });
});
