import { describe, expect, test } from "bun:test";
import type { RawBody } from "../../src/sdk/raw-body.ts";
import type { VerifyOptions } from "../../src/sdk/verify.ts";
import { WebhookVerificationError } from "../../src/sdk/verification-error.ts";
import { SECRET } from "./signed-request.ts";
import { errorOf, GOOD, verifyVector } from "./verify-vector.ts";

describe("verify says what to change", () => {
  test.each<[claim: string, payload: unknown, found: string]>([
    ["a parsed body", { id: "evt_1" }, "a parsed body"],
    ["a parsed array", [], "a parsed body"],
    ["a body that is missing", undefined, "found nothing"],
    ["a promise", Promise.resolve(""), "needs an await"],
    ["a request", new Request("http://localhost"), "has not been read"],
    ["a stream", new ReadableStream(), "has not been read"],
    ["a number", 5, "a number"],
  ])("about %s", (_claim, payload, found) => {
    const error = errorOf(() => verifyVector(GOOD, { payload: payload as RawBody }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).not.toBeInstanceOf(WebhookVerificationError);
    expect(error.message).toContain(found);
    for (const name of ["Express", "Fastify", "Hono", "Next"])
      expect(error.message).toContain(name);
  });

  test.each<[claim: string, secret: unknown, said: string]>([
    ["undefined", undefined, "is missing"],
    ["an empty text", "", "is missing"],
    ["no secrets", [], "is missing"],
    ["one of several missing", [SECRET, undefined], "is missing"],
    ["a bare whsec_", "whsec_", "malformed"],
    ["a whsec_ without its padding", SECRET.slice(0, -1), "malformed"],
    ["v1, before it", `v1,${SECRET}`, "paste"],
    ["a whsec_ in upper case", SECRET.replace("whsec_", "WHSEC_"), "paste"],
    ["a blank before it", ` ${SECRET}`, "paste"],
    ["a line end behind it", `${SECRET}\n`, "paste"],
  ])("about the secret %s", (_claim, secret, said) => {
    const error = errorOf(() => verifyVector(GOOD, { secret: secret as string }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(said);
  });

  test.each<[claim: string, options: VerifyOptions]>([
    ["a tolerance that is no number", { toleranceSeconds: Number.NaN }],
    ["a tolerance below nothing", { toleranceSeconds: -1 }],
    ["a clock that is no number", { nowSeconds: Number.NaN }],
    ["a clock without end", { nowSeconds: Infinity }],
  ])("about %s, by which every replay might pass", (_claim, options) => {
    expect(errorOf(() => verifyVector(GOOD, options))).toBeInstanceOf(TypeError);
  });

  test("without a secret, a signature or a body in any message", () => {
    const canary = "CANARY-0123456789";
    const malformed = `whsec_${canary}`;
    const errors = [
      errorOf(() => verifyVector(GOOD, { secret: canary })),
      errorOf(() => verifyVector(GOOD, { secret: malformed })),
      errorOf(() => verifyVector({ ...GOOD, "webhook-signature": `v1,${canary}` })),
      errorOf(() => verifyVector({ ...GOOD, "webhook-timestamp": canary })),
      errorOf(() => verifyVector(`v1,${canary}`)),
      errorOf(() => verifyVector(canary)),
      errorOf(() => verifyVector(GOOD, { payload: { canary } as never })),
      errorOf(() => verifyVector(GOOD, { payload: canary })),
    ];
    for (const error of errors) expect(Bun.inspect(error)).not.toContain(canary);
  });
});
