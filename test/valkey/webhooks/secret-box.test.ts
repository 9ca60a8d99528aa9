import { describe, expect, test } from "bun:test";
import { createDecipheriv, createHash, randomBytes } from "node:crypto";
import { SecretBox } from "../../../src/valkey/webhooks/secret-box.ts";

const newKey = () => randomBytes(32).toString("base64");
const [KEY, OTHER_KEY] = [newKey(), newKey()];
const box = new SecretBox([KEY]);
const TEXT = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw – ü";

test("a secret box opens at a place what it sealed for that place", async () => {
  const sealed = await box.seal(TEXT, "here");
  expect(sealed).toMatch(/^enc:v1:[0-9a-f]{16}:[A-Za-z0-9+/]+=*$/);
  expect(await box.open(sealed, "here")).toEqual({ kind: "opened", text: TEXT });
});

test("a sealed text is AES-256-GCM, readable by another implementation, with a key id from SHA-256", async () => {
  const [, , id, base64] = (await box.seal(TEXT, "here")).split(":");
  const key = Buffer.from(KEY, "base64");
  expect(id).toBe(createHash("sha256").update(key).digest("hex").slice(0, 16));
  const bytes = Buffer.from(base64!, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from("here"));
  decipher.setAuthTag(bytes.subarray(-16));
  const text = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  expect(text.toString()).toBe(TEXT);
});

test("a secret box uses a new nonce for each seal", async () => {
  const seals = await Promise.all(Array.from({ length: 200 }, () => box.seal(TEXT, "here")));
  const nonces = seals.map((sealed) =>
    Buffer.from(sealed.split(":")[3]!, "base64").toString("hex", 0, 12),
  );
  expect(new Set(nonces).size).toBe(200);
});

test("a sealed text that was moved to another place is not opened", async () => {
  const sealed = await box.seal(TEXT, "here");
  expect(await box.open(sealed, "there")).toMatchObject({ kind: "forged" });
});

test("the first key seals, every key opens, and an unknown key is reported by its id", async () => {
  const old = new SecretBox([OTHER_KEY]);
  const both = new SecretBox([KEY, OTHER_KEY]);
  const byOld = await old.seal(TEXT, "here");
  expect(await both.open(byOld, "here")).toEqual({ kind: "opened", text: TEXT });
  expect([both.isCurrent(byOld), old.isCurrent(byOld)]).toEqual([false, true]);
  const byBoth = await both.seal(TEXT, "here");
  expect(both.isCurrent(byBoth)).toBeTrue();
  expect(await box.open(byBoth, "here")).toEqual({ kind: "opened", text: TEXT });
  expect(await box.open(byOld, "here")).toEqual({
    kind: "unknown-key",
    keyId: byOld.split(":")[2] ?? "",
  });
});

test("a secret box without a key opens nothing and refuses to seal", async () => {
  const none = new SecretBox([]);
  const sealed = await box.seal(TEXT, "here");
  expect([none.hasKey, none.isCurrent(sealed)]).toEqual([false, false]);
  expect(await none.open(sealed, "here")).toMatchObject({ kind: "unknown-key" });
  expect(none.seal(TEXT, "here")).rejects.toThrow("without a key");
});

describe("opening a changed text returns a value and does not throw:", () => {
  test("a flipped bit at any place", async () => {
    const sealed = await box.seal("secret", "here");
    const [head, bytes] = [sealed.slice(0, 24), Buffer.from(sealed.slice(24), "base64")];
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1;
      const opened = await box.open(head + flipped.toString("base64"), "here");
      expect(opened.kind).toBe("forged");
    }
  });

  test("a text cut at any length", async () => {
    // As long as it needs no padding, which a reader may do without.
    const sealed = await box.seal("brief", "here");
    for (let length = 0; length < sealed.length; length += 1) {
      expect((await box.open(sealed.slice(0, length), "here")).kind).not.toBe("opened");
    }
  });

  test.each(["", "plain text", "enc:v2:0000000000000000:AAAA", "enc:v1:zz:AAAA"])(
    "%p",
    async (text) => {
      expect(await box.open(text, "here")).toEqual({ kind: "unknown-key", keyId: "" });
    },
  );
});

test("a secret box prints neither its keys nor their bytes", () => {
  expect(Bun.inspect(box, { depth: 10 })).not.toContain(KEY);
  expect(JSON.stringify(box)).toBe("{}");
  const bytes = [...Buffer.from(KEY, "base64")].join(", ");
  expect(Bun.inspect(box, { depth: 10 })).not.toContain(bytes.slice(0, 20));
});
