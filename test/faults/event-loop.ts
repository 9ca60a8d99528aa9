// How long one request stops the event loop: every route of the OpenAPI document, every shape.
// LOOP_TABLE=<file> keeps each figure, LOOP_ONLY=<part of a name> measures some routes.
import { join } from "node:path";
import type { Redis } from "iovalkey";
import { describeApi, type ApiOperation } from "../support/api-operations.ts";
import { eventually } from "../support/eventually.ts";
import { tempFolder } from "../support/valkey.ts";
import { check, QUEUE, TOKEN, type Check, type Scenario, type WorkerProcess } from "./harness.ts";
import { shapesOf, type Shape } from "./loop-shapes.ts";

const MAX_MS = 50;
const WATCH = join(import.meta.dir, "loop-watch.js");
const REJECTED = 100;
const ALL_THAT_WAITS = "all that may wait";
const PARKED = 1_000;
const SHARE = 3;

interface Stop {
  shape: string;
  status: number;
  cpuMs: number;
  wallMs: number;
}

export const eventLoop: Scenario = {
  name: "event-loop",
  what: "deep, wide, long or many requests to every route; measures the longest stop of the event loop",
  holds: `no request takes the event loop for more than ${MAX_MS} ms of processor time`,
  async run(context) {
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const folder = tempFolder("loop");
    const portFile = join(folder, "port");
    // The binary reads a bunfig.toml where it is started.
    await Bun.write(join(folder, "bunfig.toml"), `preload = [${JSON.stringify(WATCH)}]\n`);
    const worker = await context.worker(
      valkey.url,
      { LOOP_WATCH: portFile, FLUXHOOK_REJECTED_MAX: "1000" },
      { cwd: folder },
    );
    const watch = `http://127.0.0.1:${await Bun.file(portFile).text()}`;
    const known = await filled(worker, redis);
    const { operations: all } = await describeApi(worker.url);
    // What they need must still be there.
    const isDelete = ({ method }: ApiOperation) => method === "DELETE";
    const operations = [...all.filter((one) => !isDelete(one)), ...all.filter(isDelete)];
    const checks: Check[] = [];
    const lines: string[] = [];
    let sent = 0;
    const only = process.env.LOOP_ONLY;
    const tried = operations.filter(({ name }) => !only || name.includes(only));
    for (const [at, operation] of tried.entries()) {
      const stops: Stop[] = [];
      const own = context.long ? shapesOf(operation) : sharedOut(shapesOf(operation), at);
      for (const shape of [...own, ...ofWhatIsThere(operation, known)]) {
        context.progress(`${operation.name}: ${shape.name}`);
        if (shape.name === ALL_THAT_WAITS) await fillSession(worker, known["url"] ?? "");
        sent += 1;
        stops.push(
          await measured(worker, redis, watch, pathOf(operation, known), operation, shape),
        );
      }
      const sorted = stops.toSorted((a, b) => b.cpuMs - a.cpuMs);
      for (const stop of stops) lines.push(`${operation.name}\t${shown(stop)}`);
      const [worst] = sorted;
      if (!worst) continue;
      const tooLong = sorted.filter(({ cpuMs }) => cpuMs > MAX_MS).length;
      const more = tooLong > 1 ? `, and ${tooLong - 1} more` : "";
      checks.push(check(operation.name, shown(worst) + more, tooLong === 0));
    }
    if (process.env.LOOP_TABLE) {
      await Bun.write(process.env.LOOP_TABLE, `${lines.join("\n")}\n`);
    }
    const log = await worker.log();
    const errors = log.split("\n").filter((line) => line.includes('"level":"error"'));
    checks.push(check("errors in its log", errors[0]?.slice(0, 300) ?? 0, errors.length === 0));
    return { sent, received: sent, lost: 0, duplicates: 0, checks };
  },
};

/** In the short form the routes share the shapes out among them: each tries every third one. */
function sharedOut(shapes: readonly Shape[], at: number): Shape[] {
  return shapes.filter(({ name }, n) => name === "plain" || (n + at) % SHARE === 0);
}

function shown({ shape, status, cpuMs, wallMs }: Stop): string {
  return `${cpuMs.toFixed(1)} ms (${wallMs.toFixed(1)} ms of wall time): ${shape}, answered ${status}`;
}

async function measured(
  worker: WorkerProcess,
  redis: Redis,
  watch: string,
  path: string,
  { method, isClosed, queryParameters }: ApiOperation,
  { name, headers, query = "", body }: Shape,
): Promise<Stop> {
  await fetch(watch);
  // A stream would not end.
  const brief = queryParameters.includes("for_s") && !/for_s=/.test(query) ? "&for_s=0" : "";
  const response = await fetch(`${worker.url}${path}?${query}${brief}`, {
    method,
    headers: { ...(isClosed ? { authorization: `Bearer ${TOKEN}` } : {}), ...keyed(headers) },
    body,
    keepalive: false,
  });
  await response.arrayBuffer();
  // What it has pushed is read by the same process.
  await eventually(async () => (await redis.llen(QUEUE)) === 0, { withinMs: 60_000 });
  const longest = (await (await fetch(watch)).json()) as Pick<Stop, "cpuMs" | "wallMs">;
  return { shape: name, status: response.status, ...longest };
}

/** An empty key stands for a new one each time. */
function keyed(headers: Record<string, string> = {}): Record<string, string> {
  return headers["idempotency-key"] === ""
    ? { ...headers, "idempotency-key": crypto.randomUUID() }
    : headers;
}

type Known = Record<string, string>;

function pathOf({ path }: ApiOperation, known: Known): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => known[name] ?? "u_1");
}

/** Answers that are as large as what is kept allows. */
function ofWhatIsThere({ name }: ApiOperation, { session = "" }: Known): Shape[] {
  const headers = { "content-type": "application/json" };
  switch (name) {
    case "GET /v1/webhooks":
      return [{ name: "a page of the largest webhooks", query: "user_id=u_big&org_id=o_big" }];
    case "GET /v1/rejected":
      return [
        { name: "a page of the largest elements", query: `limit=${REJECTED}` },
        { name: "the last page", query: `limit=100&cursor=${REJECTED - 10}` },
      ];
    case "POST /v1/rejected/requeue":
      return [{ name: "all of the largest elements", headers, body: '{"all":true}' }];
    case "GET /v1/parked":
      return [{ name: "a page", query: "limit=100&user_id=u_parked" }];
    case "POST /v1/parked/redeliver":
      return [{ name: "a thousand", headers, body: '{"user_id":"u_parked"}' }];
    case "GET /v1/stream":
      return [{ name: "what was missed", query: "user_id=u_parked&for_s=0" }];
    case "GET /v1/listen/{session}/requests":
      return session === "" ? [] : [{ name: ALL_THAT_WAITS, query: "wait_ms=0" }];
    default:
      return [];
  }
}

/** As much of everything as is accepted. */
async function filled(worker: WorkerProcess, redis: Redis): Promise<Known> {
  const names = Array.from(
    { length: 100 },
    (_, n) => `${String(n).padStart(3, "a")}.${"b".repeat(120)}.*`,
  );
  const headers = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`x-${n}`, "v".repeat(195)]),
  );
  const schedule = Array.from({ length: 50 }, () => "600000ms");
  let id = "";
  for (const owner of [{ user_id: "u_big" }, { org_id: "o_big" }]) {
    for (let n = 0; n < 100; n += 1) {
      id = await worker.register({
        ...owner,
        url: `https://127.0.0.1/${n}/${"p".repeat(2_000)}`,
        events: names,
        headers,
        description: "d".repeat(500),
        retry_schedule: schedule,
        disable_rule: { consecutive_failures: 10_000 },
      });
    }
  }
  await worker.register({
    user_id: "u_parked",
    url: "https://127.0.0.1:443/",
    retry_schedule: ["0s"],
    disable_rule: null,
  });
  const parked = Array.from(
    { length: PARKED },
    (_, n) => `{"user_id":"u_parked","event":"a","data":{"n":${n}}}`,
  );
  await redis.lpush(QUEUE, ...parked);
  for (let n = 0; n < REJECTED; n += 1) {
    await redis.lpush(QUEUE, `{"n":${n},"x":"${'\\"'.repeat(130_000)}"}`);
  }
  await eventually(async () => (await redis.llen("fluxhook:rejected")) >= REJECTED, {
    withinMs: 60_000,
  });
  await eventually(
    async () => {
      const answer = await worker.api("GET", "/v1/parked?user_id=u_parked&limit=100");
      return ((await answer.json()) as { parked: unknown[] }).parked.length === 100;
    },
    { withinMs: 60_000 },
  );
  const logs = await worker.api("GET", "/v1/users/u_parked/logs");
  const { logs: entries } = (await logs.json()) as { logs: { delivery_id: string }[] };
  const begun = await worker.api("POST", "/v1/listen", {});
  const { session = "", url = "" } = (await begun.json()) as Record<string, string>;
  return {
    id,
    session,
    url,
    delivery_id: entries[0]?.delivery_id ?? "",
    user_id: "u_parked",
    org_id: "o_big",
  };
}

/** As many bytes as may wait for a client of `fluxhook listen`. */
async function fillSession(worker: WorkerProcess, url: string): Promise<void> {
  for (let n = 0; n < 20; n += 1) {
    const body = Buffer.alloc(5 * 1_048_576, n);
    const target = worker.url + new URL(url).pathname;
    const answer = await fetch(target, {
      method: "POST",
      body,
      signal: AbortSignal.timeout(1_000),
    }).catch(() => null);
    if (answer !== null && answer.status >= 400) break;
  }
}
