// `bun bench/inbound/measure.ts [seconds] [rounds]`: `minimal` of the built binary beside a bare Hono route, interleaved:
// requests per second, and CPU of the process per request. Then `lastNode`, one request at a time.
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { ownValkey, freshPrefix } from "../../test/support/valkey.ts";
import { startServiceProcess } from "../../test/support/service.ts";
import { load, type Load } from "./load.ts";

const [seconds = "5", rounds = "5"] = process.argv.slice(2);
const CONNECTIONS = 64;
const SECRET = "a-secret-of-the-bench";
const BODY = JSON.stringify({
  event: "order_created",
  order_id: "12345",
  customer: { name: "Ada", email: "ada@example.com" },
  lines: [
    { sku: "A", qty: 2 },
    { sku: "B", qty: 5 },
  ],
});
const NODES = [
  { id: "first", type: "set", value: { order: "{{trigger.data.order_id}}" } },
  { id: "second", type: "set", value: "Hello {{trigger.data.customer.name}}" },
];

function requestTo(id: string): string {
  const signature = createHmac("sha256", SECRET).update(BODY).digest("hex");
  return (
    `POST /api/webhooks/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `X-Webhook-Signature: ${signature}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
  );
}

/** User and system time of a process so far, in µs. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await Bun.file(`/proc/${pid}/stat`).text();
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // proc(5): utime and stime, in ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function measured(pid: number, run: () => Promise<Load>): Promise<Load & { cpuUs: number }> {
  const before = await cpuOf(pid);
  const result = await run();
  const cpuUs = ((await cpuOf(pid)) - before) / result.latencies.length;
  return { ...result, cpuUs };
}

function percentile({ latencies }: Load, part: number): string {
  return (latencies[Math.floor(latencies.length * part)] ?? 0).toFixed(2);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const valkey = await ownValkey();
const service = await startServiceProcess({
  valkeyUrl: valkey.url,
  prefix: freshPrefix(),
  binary: join(import.meta.dir, "../../dist/fluxhook"),
});
const bare = Bun.spawn([process.execPath, join(import.meta.dir, "bare-route.ts"), SECRET], {
  stdout: "pipe",
});
const bareUrl = (await bare.stdout.getReader().read()).value;
const bareAddress = new TextDecoder().decode(bareUrl).trim();
for (const mode of ["minimal", "lastNode"]) {
  await service.api("POST", "/v1/workflows", {
    id: mode,
    name: mode,
    trigger: { secret: SECRET, concurrency: 1_024, response: { mode } },
    nodes: NODES,
  });
}
await Bun.sleep(500);

const ratios: { rate: number; cpu: number }[] = [];
for (let round = 0; round < Number(rounds); round++) {
  const options = { connections: CONNECTIONS, seconds: Number(seconds), status: "200" };
  const one = await measured(bare.pid, () => load(bareAddress, requestTo("x"), options));
  const two = await measured(service.pid, () => load(service.url, requestTo("minimal"), options));
  ratios.push({ rate: two.perSecond / one.perSecond, cpu: one.cpuUs / two.cpuUs });
  console.log(
    `bare ${one.perSecond.toFixed(0)}/s ${one.cpuUs.toFixed(1)} µs | minimal ${two.perSecond.toFixed(0)}/s ` +
      `${two.cpuUs.toFixed(1)} µs, refused ${two.refused} | ratio ${ratios.at(-1)?.rate.toFixed(2)} by rate, ` +
      `${ratios.at(-1)?.cpu.toFixed(2)} by CPU`,
  );
  // What was accepted is run before the next round.
  await Bun.sleep(2_000);
}
console.log(
  `median of the ratios: ${median(ratios.map(({ rate }) => rate)).toFixed(2)} by rate, ` +
    `${median(ratios.map(({ cpu }) => cpu)).toFixed(2)} by CPU`,
);
const single = { connections: 1, seconds: Number(seconds), status: "200" };
for (const [name, url, id] of [
  ["bare", bareAddress, "x"],
  ["lastNode", service.url, "lastNode"],
] as const) {
  const result = await load(url, requestTo(id), single);
  console.log(
    `${name}, one at a time: p50 ${percentile(result, 0.5)} ms, p90 ${percentile(result, 0.9)} ms, ` +
      `p99 ${percentile(result, 0.99)} ms, refused ${result.refused}`,
  );
}
bare.kill();
await service.stop();
await valkey.stop();
