// `fluxhook sign` and `verify` as a user runs them; neither needs a service.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { CLI_SECRET } from "../support/cli-scene.ts";
import { verifyAll } from "../support/serve-scene.ts";
import { runFluxhook } from "../support/service.ts";
import { tempFolder } from "../support/valkey.ts";

const run = (args: readonly string[], env: Record<string, string> = {}, stdin?: string) =>
  runFluxhook(args, { WEBHOOK_SECRET: CLI_SECRET, ...env }, stdin);

describe("sign and verify", () => {
  const body = '{"id":"evt_1","event":"file.created","timestamp":"2026-01-02T03:04:05Z","data":{}}';
  const signed = async (...more: string[]) =>
    JSON.parse(
      (await run(["sign", "--secret-env", "WEBHOOK_SECRET", "--json", ...more], {}, body)).stdout,
    ) as Record<string, string>;

  test("sign prints headers that every verifier accepts, with the body's own id and type", async () => {
    const headers = await signed();
    verifyAll(
      {
        headers: new Headers(headers),
        body: Buffer.from(body),
        text: body,
        method: "",
        path: "",
        at: 0,
      },
      CLI_SECRET,
    );
    expect(headers).toMatchObject({
      "webhook-id": "evt_1",
      "X-Fluxdrop-Event": "file.created",
      "User-Agent": "Fluxhook/1.0",
    });
    const set = await signed("--id", "evt_9", "--event", "a.b", "--timestamp", "1769860801");
    expect(set).toMatchObject({ "webhook-id": "evt_9", "X-Fluxdrop-Timestamp": "1769860801" });
    expect((await signed("--dialect", "flux"))["Flux-Signature"]).toMatch(/^t=\d+,v1=/);
  });

  test("sign prints lines for curl without --json, and no line has the secret", async () => {
    const { stdout } = await run(["sign", "--secret-env", "WEBHOOK_SECRET"], {}, body);
    expect(stdout).toMatch(/^webhook-signature: v1,\S+$/m);
    expect(stdout).not.toContain(CLI_SECRET);
  });

  test("verify accepts a received request, as headers or as a whole", async () => {
    const headers = Object.entries(await signed()).map(([name, value]) => `${name}: ${value}`);
    const asOptions = headers.flatMap((line) => ["--header", line]);
    const verify = ["verify", "--secret-env", "WEBHOOK_SECRET"];
    const byHeaders = await run([...verify, ...asOptions], {}, body);
    expect([byHeaders.exitCode, byHeaders.stdout]).toEqual([
      0,
      "✓ X-Fluxdrop-Signature\n✓ webhook-signature\n",
    ]);
    const file = join(tempFolder("cli"), "request.http");
    await Bun.write(file, `POST /hook HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n${body}`);
    const whole = await run([...verify, "--request", file, "--json"]);
    expect([whole.exitCode, JSON.parse(whole.stdout)]).toEqual([
      0,
      {
        verified: true,
        checks: ["X-Fluxdrop-Signature", "webhook-signature"].map((check) => ({
          check,
          verified: true,
          failure: null,
          message: null,
        })),
      },
    ]);
  });

  test("verify ends with 1 if a check fails, and prints which one and why", async () => {
    const headers = Object.entries(await signed("--timestamp", "1769860801"));
    const asOptions = headers.flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
    const verify = ["verify", "--secret-env", "WEBHOOK_SECRET", ...asOptions];
    const old = await run(verify, {}, body);
    expect([old.exitCode, old.stderr]).toEqual([1, ""]);
    expect(old.stdout).toMatch(/^✓ X-Fluxdrop-Signature\n✗ webhook-signature: the time of /);
    expect((await run([...verify, "--any-age"], {}, body)).exitCode).toBe(0);
    const forged = await run([...verify, "--any-age", "--json"], {}, `${body} `);
    expect(forged.exitCode).toBe(1);
    expect(JSON.parse(forged.stdout)).toMatchObject({
      verified: false,
      checks: [{ failure: "no-matching-signature" }, { failure: "no-matching-signature" }],
    });
    expect(forged.stdout).not.toContain(CLI_SECRET);
  });
});
