// The README's receivers, run as they stand there, on requests signed as Fluxhook signs them.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fluxdrop } from "../../src/wire/dialects/fluxdrop.ts";
import { Signer, signRequest } from "../../src/wire/signature.ts";

const ROOT = join(import.meta.dir, "../..");
// Outside of the checkout, as a receiver's own project would be, with its packages beside it.
const folder = mkdtempSync(join(tmpdir(), "fluxhook-readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
const readme = await Bun.file(join(ROOT, "README.md")).text();
const snippets = [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = ""]) => code);
await Bun.write(join(folder, "receiver.mjs"), snippets.join("\n"));
type Receive<T> = (rawBody: Buffer, headers: Record<string, string>, secret: string) => T;
const { isGenuine, readEvent } = (await import(join(folder, "receiver.mjs"))) as {
  isGenuine: Receive<boolean>;
  readEvent: Receive<unknown>;
};

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const envelope = { id: "evt_1", type: "file.created", timestamp: "2026-01-02T03:04:05Z" };
const body = fluxdrop.envelope({ ...envelope, data: '{"size":12345678901234567890,"name":"Å"}' });

/** Headers as Node gives them, in lower case. */
async function signed(unixSeconds = Math.floor(Date.now() / 1_000)) {
  const headers = await signRequest({
    dialect: fluxdrop,
    secrets: [new Signer(secret)],
    eventId: envelope.id,
    eventType: envelope.type,
    deliveryId: crypto.randomUUID(),
    unixSeconds,
    body,
    bodyBytes: new TextEncoder().encode(body),
  });
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

describe("the README's receivers", () => {
  test("accept what Fluxhook sends", async () => {
    expect(isGenuine(Buffer.from(body), await signed(), secret)).toBe(true);
    expect(readEvent(Buffer.from(body), await signed(), secret)).toEqual(JSON.parse(body));
  });

  test("refuse another body, another secret, and a request without a signature", async () => {
    const forged = Buffer.from(body.replace("evt_1", "evt_2"));
    const other = `whsec_${Buffer.alloc(32, 8).toString("base64")}`;
    const headers = await signed();
    for (const [bytes, given, key] of [
      [forged, headers, secret],
      [Buffer.from(body), headers, other],
      [Buffer.from(body), {}, secret],
    ] as const) {
      expect(isGenuine(bytes, given, key)).toBe(false);
      expect(() => readEvent(bytes, given, key)).toThrow();
    }
  });

  test("refuse, by webhook-signature, a request that is six minutes old", async () => {
    const old = await signed(Math.floor(Date.now() / 1_000) - 360);
    expect(() => readEvent(Buffer.from(body), old, secret)).toThrow();
  });
});
