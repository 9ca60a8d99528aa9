import { afterAll, describe, expect, test } from "bun:test";
import { FailureLimit, sourceOf } from "../src/failure-limit.ts";
import { apiScene, closeScenes, readAnswer, TOKEN } from "./api/api-scene.ts";

afterAll(closeScenes);

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000);

describe("wrong tokens of one address", () => {
  test("are limited from the eleventh in a minute until that minute is over", () => {
    const failed = new FailureLimit(10);
    for (let n = 0; n < 10; n++) {
      expect(failed.count("192.0.2.1", at(n))).toEqual({ limited: false });
    }
    const source = "192.0.2.1";
    expect(failed.count(source, at(10.5))).toEqual({
      limited: true,
      retryAfterS: 50,
      isFirst: true,
      source,
    });
    expect(failed.count(source, at(59))).toMatchObject({ retryAfterS: 1, isFirst: false });
    expect(failed.count(source, at(60))).toEqual({ limited: false });
  });

  test("do not count for another address", () => {
    const failed = new FailureLimit(10);
    for (let n = 0; n < 11; n++) failed.count("192.0.2.1", at(0));
    expect(failed.count("192.0.2.2", at(0))).toEqual({ limited: false });
  });

  test("count together within an IPv6 /64", () => {
    const failed = new FailureLimit(10);
    for (let n = 0; n < 10; n++) failed.count(`2001:db8:0:1::${n}`, at(0));
    expect(failed.count("2001:db8:0:1:ffff::", at(0))).toMatchObject({ limited: true });
    expect(failed.count("2001:db8:0:2::1", at(0))).toEqual({ limited: false });
  });

  test("are remembered for a bounded number of addresses, the latest ones", () => {
    const failed = new FailureLimit(10, 3);
    for (let n = 0; n < 11; n++) failed.count("192.0.2.1", at(0));
    for (const last of [2, 3]) failed.count(`192.0.2.${last}`, at(1));
    expect(failed.count("192.0.2.1", at(2))).toMatchObject({ limited: true });
    for (let last = 0; last < 100; last++) failed.count(`198.51.100.${last}`, at(3));
    expect(failed.size).toBe(3);
    expect(failed.count("192.0.2.1", at(4))).toEqual({ limited: false });
  });
});

test.each<[string | null, string]>([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
  ["2001:0DB8:0:1::", "2001:db8:0:1::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  [null, "unknown"],
  ["", "unknown"],
])("the address %p counts as %s", (address, source) => {
  expect(sourceOf(address)).toBe(source);
});

describe("the API", () => {
  const wrong = { headers: { authorization: "Bearer wrong" } };
  async function guesser() {
    const api = await apiScene();
    // Each look at the clock moves it on by one second.
    for (let n = 0; n < 10; n++) expect((await api.raw("/v1/rejected", wrong)).status).toBe(401);
    return api;
  }

  test("answers too many wrong tokens with 429 and Retry-After", async () => {
    const api = await guesser();
    const answer = await readAnswer(await api.raw("/v1/rejected", wrong));
    expect(answer.status).toBe(429);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(answer.headers.has("www-authenticate")).toBe(false);
  });

  test("accepts a right token from an address with too many wrong ones", async () => {
    const api = await guesser();
    const scoped = await api.call("POST", "/v1/tokens", { user_id: "u_1" });
    const bearer = (token: unknown) => ({ headers: { authorization: `Bearer ${String(token)}` } });
    expect((await api.raw("/v1/webhooks", wrong)).status).toBe(429);
    expect((await api.raw("/v1/rejected", bearer(TOKEN))).status).toBe(200);
    expect((await api.raw("/v1/webhooks", bearer(scoped.body["token"]))).status).toBe(200);
  });

  test("logs too many wrong tokens once, with the address and without the token", async () => {
    const api = await guesser();
    for (let n = 0; n < 5; n++) await api.raw("/v1/rejected", wrong);
    expect(api.logged).toEqual([
      {
        level: "info",
        fields: { address: "unknown", for_s: expect.any(Number) },
        message: "auth.limited",
      },
    ]);
  });

  test("does not count a request without a token as a wrong token", async () => {
    const api = await apiScene();
    for (let n = 0; n < 20; n++) expect((await api.raw("/v1/rejected")).status).toBe(401);
    expect((await api.raw("/v1/rejected", wrong)).status).toBe(401);
  });
});
