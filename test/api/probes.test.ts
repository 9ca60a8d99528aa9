// Probes and scrapes are answered without the rest of the API, and just as the API answers them.
import { afterAll, expect, test } from "bun:test";
import { createApi } from "../../src/api/app.ts";
import { createProbes } from "../../src/api/probes.ts";
import type { ApiDeps } from "../../src/api/deps.ts";
import { apiScene, closeScenes, TOKEN } from "./api-scene.ts";

afterAll(closeScenes);
const { deps } = await apiScene();

const OWN_TOKEN = "metrics-token-of-30-characters";
const metrics: NonNullable<ApiDeps["metrics"]> = {
  access: "token",
  token: OWN_TOKEN,
  expose: () => Promise.resolve({ text: "fluxhook_up 1\n", contentType: "text/plain" }),
  count() {},
};

const seen = async (response: Response) => ({
  status: response.status,
  headers: response.headers.toJSON(),
  body: await response.text(),
});

const ORIGIN = "https://dashboard.example.com";

const all: ApiDeps = {
  ...deps,
  metrics,
  config: { ...deps.config, corsOrigins: [ORIGIN] },
};
const { apiTokens } = all.config;
const api = createApi(all);
const probes = createProbes({ ...all, apiTokens, corsOrigins: [ORIGIN] });

test.each<[string, string, Record<string, string>, number]>([
  ["GET", "/healthz", {}, 200],
  ["HEAD", "/healthz", {}, 200],
  ["GET", "/readyz", { origin: ORIGIN }, 200],
  ["GET", "/metrics", {}, 401],
  ["GET", "/metrics", { authorization: "Bearer wrong" }, 401],
  ["GET", "/metrics", { authorization: `Bearer ${TOKEN}` }, 200],
  ["GET", "/metrics?x=1", { authorization: `Bearer ${OWN_TOKEN}` }, 200],
])("%s %s with %j is answered %d, as by the API", async (method, path, headers, status) => {
  const answer = await seen(await probes.request(path, { method, headers }));
  expect(answer.status).toBe(status);
  expect(answer).toEqual(await seen(await api.request(path, { method, headers })));
});

test("a process that is not ready, and metrics that are off, are answered as by the API", async () => {
  const off: ApiDeps = {
    ...all,
    metrics: { ...metrics, access: "off" },
    notReadyCauses: () => [{ code: "stopping", queue: null, message: "shutting down" }],
  };
  const headers = { authorization: `Bearer ${TOKEN}` };
  for (const [path, status] of [
    ["/readyz", 503],
    ["/metrics", 404],
  ] as const) {
    const answer = await createProbes({ ...off, apiTokens, corsOrigins: [] }).request(path, {
      headers,
    });
    expect(answer.status).toBe(status);
    const same = createApi({ ...off, config: deps.config });
    expect(await seen(answer)).toEqual(await seen(await same.request(path, { headers })));
  }
});
