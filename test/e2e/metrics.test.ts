// /metrics, judged by Prometheus' own tools: Debian's package scrapes the service under a mixed load. Where there is
// no Prometheus and none can be fetched, what needs it is skipped.
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeApi } from "../support/api-operations.ts";
import { eventually } from "../support/eventually.ts";
import { valueIn } from "../support/metric.ts";
import { locatePrometheus } from "../support/prometheus.ts";
import { eventFor, openScene, register, type Scene } from "../support/serve-scene.ts";
import { API_TOKEN, type ServiceProcess } from "../support/service.ts";
import { useOwnValkey } from "../support/use-opened.ts";

const ROOT = join(import.meta.dir, "../..");
const METRICS_TOKEN = "metrics-token-of-a-test";
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const found = await locatePrometheus();
if ("missing" in found) console.log(`skipped: Prometheus' judgement of /metrics: ${found.missing}`);
const tools = "prometheus" in found ? found.prometheus : null;

async function scrape(service: ServiceProcess, token: string | null = API_TOKEN) {
  const headers: Record<string, string> =
    token === null ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(`${service.url}/metrics`, { headers });
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    text: await response.text(),
  };
}

function seriesIn(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

async function promtool(args: string[], stdin = ""): Promise<{ exitCode: number; said: string }> {
  const child = Bun.spawn([tools?.promtool ?? "promtool", ...args], {
    cwd: join(ROOT, "docs/monitoring"),
    stdin: Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [exitCode, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { exitCode, said: out + err };
}

/** Deliveries that succeed, fail and are parked, elements that are rejected, events for nobody, API calls of every class. */
async function mixedLoad(scene: Scene, service: ServiceProcess, users = 5): Promise<void> {
  const well = scene.receiver(() => new Response(null, { status: 204 }));
  const statuses = [301, 404, 429, 500, 503, 410];
  const failing = scene.receiver(
    (_request, index) => new Response(null, { status: statuses[index % statuses.length] }),
  );
  const dialects = ["fluxdrop", "fluxdesk", "flux", "standard"] as const;
  for (const n of upTo(users)) {
    const [url, dialect] = [n % 3 === 0 ? failing.url : well.url, dialects[n % 4]];
    const retry_schedule = n % 2 === 0 ? ["0s"] : ["0s", "1h"];
    await register(service, { user_id: `u_${n}`, url: `${url}/${n}`, dialect, retry_schedule });
  }
  const now = new Date().toISOString();
  await scene.push(
    ...upTo(users).flatMap((n) => [eventFor(`u_${n}`, n), eventFor(`u_${n}`, n, "file.deleted")]),
    ...upTo(users).map((n) => `{"user_id":"u_${n}","event":"a.b","timestamp":"${now}","data":{}}`),
    "no event",
    "{}",
    "",
    '{"user_id":"u_1"}',
    eventFor("u_nobody"),
  );
  await service.api("GET", "/v1/webhooks?user_id=u_1");
  await service.api("GET", "/v1/stats");
  await service.api("POST", "/v1/events", { user_id: "u_1", event: "x", data: {} });
  await service.api("POST", "/v1/nothing", {});
}

/** A value for each parameter of a path: a webhook's id, an owner's, whatever has one. */
const IN_PATHS: Record<string, (made: { webhook: string }) => string> = {
  id: ({ webhook }) => webhook,
  user_id: () => "u_7",
  org_id: () => "o_7",
};

/**
 * Calls every operation of the service's own OpenAPI document, and what is beside it: without a token, with one, and
 * with a body that is none.
 */
async function callEveryRoute(service: ServiceProcess): Promise<number> {
  const { operations } = await describeApi(service.url);
  const { id: webhook } = await register(service, { user_id: "u_7", url: "https://example.com/" });
  const asked: [method: string, path: string, body?: string][] = [
    ["GET", "/no-such-route"],
    ["GET", "/"],
    ["POST", "/api/webhooks/orders", "{}"],
    ["GET", "/api/webhooks/orders"],
  ];
  for (const { method, path: template, body, queryParameters } of operations) {
    const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(IN_PATHS[name]?.({ webhook }) ?? "x"),
    );
    // Without it the answer would be waited for, or would not end.
    const brief = ["wait_ms", "for_s"].find((name) => queryParameters.includes(name));
    const query = brief === undefined ? "" : `?${brief}=0`;
    const bodies = body === null ? [undefined] : ['{"user_id":"u_7"}', "{}", "["];
    for (const text of bodies) asked.push([method, path + query, text]);
    asked.push([method, `${path}?no_such_parameter=1`]);
  }
  for (const [method, path, body] of asked) {
    for (const token of [API_TOKEN, "no-token-of-this-service"]) {
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
      const answer = await fetch(service.url + path, { method, headers, body });
      await answer.text();
    }
  }
  return operations.length;
}

describe("GET /metrics", () => {
  test.concurrent(
    "needs the API token or the token for metrics, which opens nothing else",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({ FLUXHOOK_METRICS_TOKEN: METRICS_TOKEN });
      const statuses = [];
      for (const token of [null, "a-wrong-token-of-some-length", METRICS_TOKEN, API_TOKEN]) {
        statuses.push((await scrape(service, token)).status);
      }
      expect(statuses).toEqual([401, 401, 200, 200]);
      const { type, text } = await scrape(service, METRICS_TOKEN);
      expect(type).toStartWith("text/plain; version=0.0.4");
      expect(text).not.toContain(METRICS_TOKEN);
      const headers = { Authorization: `Bearer ${METRICS_TOKEN}` };
      expect((await fetch(`${service.url}/v1/stats`, { headers })).status).toBe(401);
      const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", {
        user_id: "u_1",
      });
      expect((await scrape(service, body.token)).status).toBe(404);
    },
  );

  test.concurrent("is open to anybody, or to nobody, where FLUXHOOK_METRICS says so", async () => {
    await using scene = await openScene();
    const [open, off] = await Promise.all([
      scene.serve({ FLUXHOOK_METRICS: "open" }),
      scene.serve({ FLUXHOOK_METRICS: "off" }),
    ]);
    expect((await scrape(open, null)).status).toBe(200);
    expect((await scrape(off)).status).toBe(404);
  });

  test.concurrent(
    "counts what happened, and stays below 400 series with 1,000 users and every route called",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve();
      await mixedLoad(scene, service, 1_000);
      const text = await eventually(
        async () => {
          const { text: now } = await scrape(service);
          const attempts = now
            .split("\n")
            .filter((line) => line.startsWith("fluxhook_attempts_total"))
            .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
          // A webhook whose receiver answers 410 is disabled, and pauses are kept.
          const isAllSeen =
            valueIn(now, 'fluxhook_events_total{result="nobody"}') === 1 &&
            // Told once the element is on the rejected list.
            now.includes("fluxhook_rejected_total{");
          return attempts > 2_000 && isAllSeen ? now : null;
        },
        { withinMs: 60_000 },
      );
      expect(seriesIn(text).length).toBeLessThan(400);
      const queue = `queue="${scene.queue}"`;
      expect(valueIn(text, 'fluxhook_events_total{result="nobody"}')).toBe(1);
      expect(valueIn(text, `fluxhook_rejected_total{${queue},reason="not-json"}`)).toBe(1);
      expect(valueIn(text, "fluxhook_valkey_up")).toBe(1);
      expect(valueIn(text, `fluxhook_workers{${queue}}`)).toBe(1);
      expect(valueIn(text, "fluxhook_event_age_seconds_count")).toBeGreaterThan(500);
      for (const reason of ["http-3xx", "http-4xx", "http-5xx", "gone"]) {
        expect(text).toContain(`reason="${reason}"`);
      }
      expect(valueIn(text, 'fluxhook_http_requests_total{class="write",status_class="4xx"}')).toBe(
        1,
      );
      expect(await callEveryRoute(service)).toBeGreaterThan(60);
      const after = (await scrape(service)).text;
      expect(seriesIn(after).length).toBeLessThan(400);
      // Of the requests: how many series there are does not depend on how many routes there are.
      const ofRequests = seriesIn(after).filter((line) =>
        line.startsWith("fluxhook_http_requests"),
      );
      expect(ofRequests.length).toBeWithin(5, 17);
      for (const name of ["read", "write", "stream", "inbound"]) {
        expect(ofRequests.join("\n")).toContain(`class="${name}"`);
      }
      // No user, url or webhook.
      for (const one of [text, after]) {
        expect(seriesIn(one).join("\n")).not.toMatch(/u_\d|127\.0\.0\.1|wh_|\/v1|orders/);
      }
    },
    { timeout: 120_000 },
  );
});

describe.skipIf(tools === null)("Prometheus", () => {
  const valkey = useOwnValkey();

  test("accepts the alert rules, and their tests pass", async () => {
    expect((await promtool(["check", "rules", "alerts.yml"])).said).toContain("13 rules found");
    const { exitCode, said } = await promtool(["test", "rules", "alerts.test.yml"]);
    expect([exitCode, said]).toEqual([0, expect.stringContaining("SUCCESS")]);
  });

  test(
    "accepts the metrics of an idle service, of a busy one, and of one without Valkey",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({ FLUXHOOK_VALKEY_URL: valkey.url });
      expect(await promtool(["check", "metrics"], (await scrape(service)).text)).toEqual({
        exitCode: 0,
        said: "",
      });
      await using busy = await openScene();
      const other = await busy.serve();
      await mixedLoad(busy, other);
      await eventually(async () => {
        const { text } = await scrape(other);
        expect(text).toContain('outcome="retry"');
        expect(await promtool(["check", "metrics"], text)).toEqual({ exitCode: 0, said: "" });
      });
      await valkey.stop();
      const away = await eventually(async () => {
        const { status, text } = await scrape(service);
        expect(status).toBe(200);
        return valueIn(text, "fluxhook_valkey_up") === 0 ? text : null;
      });
      expect(away).not.toContain("fluxhook_queue_depth");
      expect(valueIn(away, "fluxhook_slots")).toBe(1_024);
      expect(await promtool(["check", "metrics"], away)).toEqual({ exitCode: 0, said: "" });
    },
    { timeout: 60_000 },
  );

  test(
    "scrapes the service under a mixed load, and the query of every panel has an answer",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({ FLUXHOOK_METRICS_TOKEN: METRICS_TOKEN });
      const folder = await mkdtemp(join(tmpdir(), "fluxhook-prometheus-"));
      const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const { port } = listener;
      listener.stop();
      await Bun.write(join(folder, "token"), METRICS_TOKEN);
      await Bun.write(
        join(folder, "prometheus.yml"),
        `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${join(ROOT, "docs/monitoring/alerts.yml")}]
scrape_configs:
  - job_name: fluxhook
    authorization: { credentials_file: ${join(folder, "token")} }
    static_configs: [{ targets: ["${new URL(service.url).host}"] }]
`,
      );
      const server = Bun.spawn(
        [
          tools?.server ?? "prometheus",
          `--config.file=${join(folder, "prometheus.yml")}`,
          `--storage.tsdb.path=${join(folder, "data")}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { cwd: folder, stdout: "ignore", stderr: "ignore" },
      );
      try {
        const grafana = (await Bun.file(join(ROOT, "docs/monitoring/grafana.json")).json()) as {
          panels: { title: string; targets: { expr: string }[] }[];
        };
        const queries = grafana.panels.flatMap(({ title, targets }) =>
          targets.map(({ expr }) => [title, expr] as const),
        );
        const load = new AbortController();
        const loading = (async () => {
          for (let n = 0; !load.signal.aborted; n += 1) {
            await mixedLoad(scene, service, 5 + n).catch(() => {});
            await Bun.sleep(500);
          }
        })();
        await eventually(
          async () => {
            const empty = [];
            for (const [title, expr] of queries) {
              const query = expr.replaceAll("$__rate_interval", "30s").replaceAll("$job", ".*");
              const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
              const answer = (await (await fetch(url)).json()) as {
                status: string;
                data?: { result: unknown[] };
              };
              if (answer.status !== "success" || !answer.data?.result.length) {
                empty.push(`${title}: ${expr}`);
              }
            }
            expect(empty).toEqual([]);
          },
          { withinMs: 60_000 },
        );
        load.abort();
        await loading;
        const rules = (await (await fetch(`http://127.0.0.1:${port}/api/v1/rules`)).json()) as {
          data: { groups: { rules: { name: string; health: string }[] }[] };
        };
        const all = rules.data.groups.flatMap((group) => group.rules);
        expect(all).toHaveLength(13);
        expect(all.filter(({ health }) => health === "err")).toEqual([]);
      } finally {
        server.kill("SIGKILL");
        await server.exited;
        await rm(folder, { recursive: true, force: true });
      }
    },
    { timeout: 150_000 },
  );
});
