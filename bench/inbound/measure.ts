// `bun bench/inbound/measure.ts [seconds] [rounds] [workloads] [--binary <path>] [--profile <folder>]`: workflows of the built binary beside
// a bare Hono route, interleaved: requests per second and CPU of the process per request, while requests come, and CPU
// per execution until the last one has ended. Then one request at a time. With `--profile` the service runs from its
// source under Bun's profiler.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Redis } from "iovalkey";
import { eventually } from "../../test/support/eventually.ts";
import { freshPrefix, ownValkey, tempFolder, testRedis } from "../../test/support/valkey.ts";
import { startServiceProcess } from "../../test/support/service.ts";
import { inboundKeys, queueKeys } from "../../src/valkey/keys.ts";
import { processUsage, usedSince } from "../usage.ts";
import { load, type Load } from "./load.ts";
import { requestTo, SECRET, workloads, type Workload } from "./workloads.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { profile: { type: "string" }, binary: { type: "string" } },
});
const [seconds = "4", rounds = "5", chosen = "sets,last,http,http5"] = positionals;
const CONNECTIONS = 64;

/** Processor time of a process since it was begun to be looked at, in µs. */
async function watchCpu(pid: number): Promise<() => Promise<number>> {
  const before = await processUsage(pid);
  return async () => usedSince(before, await processUsage(pid)).cpuSeconds * 1e6;
}

interface Measured extends Load {
  cpuUs: number;
}

async function measured(pid: number, run: () => Promise<Load>): Promise<Measured> {
  const used = await watchCpu(pid);
  const result = await run();
  return { ...result, cpuUs: (await used()) / result.latencies.length };
}

function percentile({ latencies }: Load, part: number): string {
  return (latencies[Math.floor(latencies.length * part)] ?? 0).toFixed(2);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** A script that starts the service from its source under the profiler. */
async function profiled(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(tempFolder("profile"), "serve");
  const main = join(import.meta.dir, "../../src/main.ts");
  const command = `"${process.execPath}" --cpu-prof --cpu-prof-dir="${folder}" "${main}" "$@"`;
  await writeFile(path, `#!/bin/sh\nexec ${command}\n`);
  await chmod(path, 0o755);
  return path;
}

const valkey = await ownValkey();
const prefix = freshPrefix();
const redis: Redis = await testRedis(valkey.url);
const uses = inboundKeys(prefix).revisionUses;
const queue = queueKeys(inboundKeys(prefix).queue).queue;
const service = await startServiceProcess({
  valkeyUrl: valkey.url,
  prefix,
  binary:
    values.profile === undefined
      ? (values.binary ?? join(import.meta.dir, "../../dist/fluxhook"))
      : await profiled(values.profile),
  env: { FLUXHOOK_EGRESS_HTTP: "true" },
});
const bare = Bun.spawn([process.execPath, join(import.meta.dir, "bare-route.ts"), SECRET], {
  stdout: "pipe",
});
const bareUrl = (await bare.stdout.getReader().read()).value;
const bareAddress = new TextDecoder().decode(bareUrl).trim();
const all = workloads(`${bareAddress}node`).filter(({ id }) => chosen.split(",").includes(id));
for (const { id, mode, nodes } of all) {
  const { status, body } = await service.api("POST", "/v1/workflows", {
    id,
    name: id,
    trigger: { secret: SECRET, concurrency: 1_024, response: { mode } },
    nodes,
  });
  if (status !== 201) throw new Error(`${id} was not created: ${JSON.stringify(body)}`);
}
await Bun.sleep(500);

const noneLeft = async () => (await redis.exists(uses)) === 0;

/** One round: the bare route, then the workflow, then what is left of the workflow's executions. */
async function round({ id }: Workload): Promise<{ rate: number; cpu: number; all: number }> {
  const options = { connections: CONNECTIONS, seconds: Number(seconds), status: "200" };
  const one = await measured(bare.pid, () => load(bareAddress, requestTo("x"), options));
  const begin = performance.now();
  const used = await watchCpu(service.pid);
  const usedByValkey = await watchCpu(valkey.pid);
  const two = await measured(service.pid, () => load(service.url, requestTo(id), options));
  const left = await redis.llen(queue);
  await eventually(noneLeft, { withinMs: 300_000 });
  const count = two.latencies.length;
  const seconds2 = (performance.now() - begin) / 1_000;
  const allUs = (await used()) / count;
  const valkeyUs = (await usedByValkey()) / count;
  const ratios = {
    rate: two.perSecond / one.perSecond,
    cpu: one.cpuUs / two.cpuUs,
    all: one.cpuUs / allUs,
  };
  console.log(
    `bare ${one.perSecond.toFixed(0)}/s ${one.cpuUs.toFixed(1)} µs | ${id} ${two.perSecond.toFixed(0)}/s ` +
      `${two.cpuUs.toFixed(1)} µs, p99 ${percentile(two, 0.99)} ms, refused ${two.refused}, left ${left} | ` +
      `to the end: ${(count / seconds2).toFixed(0)}/s, ${allUs.toFixed(1)} µs, Valkey ${valkeyUs.toFixed(1)} µs | ratio ` +
      `${ratios.rate.toFixed(2)} by rate, ${ratios.cpu.toFixed(2)} by CPU, ${ratios.all.toFixed(2)} to the end`,
  );
  return ratios;
}

for (const workload of all) {
  console.log(`\n${workload.title}, ${CONNECTIONS} connections`);
  // Both are compiled by then, and the revision is read.
  for (const [url, id] of [
    [bareAddress, "x"],
    [service.url, workload.id],
  ] as const) {
    await load(url, requestTo(id), { connections: CONNECTIONS, seconds: 2, status: "200" });
  }
  await eventually(noneLeft, { withinMs: 300_000 });
  const ratios: Awaited<ReturnType<typeof round>>[] = [];
  for (let nth = 0; nth < Number(rounds); nth++) ratios.push(await round(workload));
  console.log(
    `medians of the ratios: ${median(ratios.map(({ rate }) => rate)).toFixed(2)} by rate, ` +
      `${median(ratios.map(({ cpu }) => cpu)).toFixed(2)} by CPU, ` +
      `${median(ratios.map(({ all: whole }) => whole)).toFixed(2)} by CPU to the end`,
  );
}
console.log("\none request at a time");
const single = { connections: 1, seconds: Number(seconds), status: "200" };
for (let nth = 0; nth < 2; nth++) {
  for (const [name, url, id] of [
    ["bare", bareAddress, "x"],
    ...all.map((one) => [one.title, service.url, one.id] as const),
  ] as const) {
    const result = await load(url, requestTo(id), single);
    console.log(
      `${name}: p50 ${percentile(result, 0.5)} ms, p90 ${percentile(result, 0.9)} ms, ` +
        `p99 ${percentile(result, 0.99)} ms, refused ${result.refused}`,
    );
    await eventually(noneLeft, { withinMs: 60_000 });
  }
}
bare.kill();
redis.disconnect();
await service.stop();
await valkey.stop();
