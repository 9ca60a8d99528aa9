import { afterAll, beforeEach, expect, test } from "bun:test";
import { createGuard } from "../../../src/delivery/guard/guard.ts";
import { judgeUrl } from "../../../src/control/check-url.ts";
import { apiScene, asOwner, closeScenes, faultyFields, type ApiScene } from "../api-scene.ts";

afterAll(closeScenes);

let api: ApiScene;
beforeEach(async () => {
  api = await apiScene();
});

const check = (url: unknown) => api.call("POST", "/v1/check-url", { url });

test("a url that may be saved is allowed", async () => {
  const answer = await check("https://example.com/hooks");
  expect([answer.status, answer.body]).toEqual([200, { verdict: "allowed", message: null }]);
});

test.each(["https://10.0.0.1/", "http://example.com/", "https://example.com:8080/"])(
  "%s is denied with the message of saving it, and nothing is stored",
  async (url) => {
    const answer = await check(url);
    const saving = await api.call("POST", "/v1/webhooks", { user_id: "u_1", url });
    const [error] = saving.body["errors"] as { message: string }[];
    expect(answer.body).toEqual({ verdict: "denied", message: error?.message });
    expect(await api.webhookCount()).toBe(0);
  },
);

test("a name that does not resolve is told apart: it may be saved, and is perhaps mistyped", async () => {
  const guard = createGuard({
    allowRanges: [],
    ports: [{ from: 443, to: 443 }],
    allowHttp: false,
    resolve: () => ({ kind: "unresolved", code: "ENOTFOUND" }),
  });
  expect(await judgeUrl(guard, "https://exmaple.com/")).toEqual({
    verdict: "unresolved",
    message: "the name cannot be resolved at the moment",
  });
});

test.each([["not a url"], ["ftp://example.com/"], [1], [undefined]])(
  "%p is refused with 422, as when it is saved",
  async (url) => {
    const answer = await check(url);
    expect([answer.status, faultyFields(answer)]).toEqual([422, ["url"]]);
  },
);

test("an owner can check 120 urls a minute, and another owner is not affected", async () => {
  api = await apiScene({ identify: asOwner("user:u_1") });
  const answers = await Promise.all(
    Array.from({ length: 121 }, () => check("https://93.184.215.14/hooks")),
  );
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
});
