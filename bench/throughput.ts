// How many deliveries a second one process makes, beside a bare loop of signed fetches in the same
// run: `bun bench/throughput.ts [--events 60000] [--json]`. A loaded machine changes both alike.
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Redis } from "iovalkey";
import { startLocalValkey } from "../src/valkey/local-server.ts";

const TOKEN = "benchmark-token-of-thirty-two-letters";
const TICKS_PER_SECOND = 100;

const { values } = parseArgs({
  options: { events: { type: "string", default: "60000" }, json: { type: "boolean" } },
});
const events = Number(values.events);
const binary = join(import.meta.dir, "../dist/fluxhook");
if (!(await Bun.file(binary).exists())) {
  Bun.spawnSync([process.execPath, "build.ts"], { cwd: join(import.meta.dir, "..") });
}

const folder = mkdtempSync(join(tmpdir(), "fluxhook-bench-"));
const valkey = await startLocalValkey({ dataDir: folder });
const redis = new Redis(valkey.url);
const receiver = Bun.spawn([process.execPath, join(import.meta.dir, "receiver.ts")], {
  stdin: "pipe",
  stdout: "pipe",
});
const lines = linesOf(receiver.stdout);
const url = `http://127.0.0.1:${await lines()}/`;

const bareBefore = await bareLoop();
const fluxhook = await measureFluxhook();
// The order reversed: the first of two is not favoured.
const bareAfter = await bareLoop();
const bare = {
  perSecond: (bareBefore.perSecond + bareAfter.perSecond) / 2,
  perCore: (bareBefore.perCore + bareAfter.perCore) / 2,
};

receiver.kill();
redis.disconnect();
await valkey.stop();
rmSync(folder, { recursive: true, force: true });

const result = {
  events,
  fluxhook,
  bare,
  ratioPerSecond: fluxhook.perSecond / bare.perSecond,
  ratioPerCore: fluxhook.perCore / bare.perCore,
};
if (values.json) console.log(JSON.stringify(result));
else {
  const row = (name: string, { perSecond, perCore }: typeof bare) =>
    console.log(
      `${name.padEnd(28)} ${Math.round(perSecond)} per second, ${Math.round(perCore)} per second of one core`,
    );
  console.log(`${events} events of 1 KiB to one webhook`);
  row("Fluxhook, claim to settle", fluxhook);
  row("bare loop of signed fetches", bare);
  console.log(
    `ratio                        ${result.ratioPerSecond.toFixed(2)}, per core ${result.ratioPerCore.toFixed(2)}`,
  );
}
process.exit(0);

async function bareLoop(): Promise<{ perSecond: number; perCore: number }> {
  const loop = Bun.spawn(
    [process.execPath, join(import.meta.dir, "bare-loop.ts"), url, String(events)],
    { stdout: "pipe" },
  );
  const [seconds = 1, cpu = 1] = (await loop.stdout.text()).split(" ").map(Number);
  return { perSecond: events / seconds, perCore: events / cpu };
}

async function measureFluxhook(): Promise<{ perSecond: number; perCore: number }> {
  const service = Bun.spawn([binary, "serve"], {
    env: {
      ...process.env,
      FLUXHOOK_VALKEY_URL: valkey.url,
      FLUXHOOK_PORT: "0",
      FLUXHOOK_API_TOKEN: TOKEN,
      FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8",
    },
    stdout: "pipe",
  });
  const log = linesOf(service.stdout);
  let api = "";
  for (let line = JSON.parse(await log()); line.event !== "service.ready";) {
    api = line.url ?? api;
    line = JSON.parse(await log());
  }
  await fetch(`${api}/v1/webhooks`, {
    method: "POST",
    headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
    body: JSON.stringify({ user_id: "u_1", url }),
  });
  // The first ones are compiled code's price, not the steady state's.
  await deliver(5_000);
  const before = await cpuSeconds(service.pid);
  const startedAt = performance.now();
  await deliver(events);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = (await cpuSeconds(service.pid)) - before;
  service.kill("SIGTERM");
  await service.exited;
  return { perSecond: events / seconds, perCore: events / cpu };
}

async function deliver(count: number): Promise<void> {
  const target = (await received()) + count;
  const element = `{"user_id":"u_1","event":"file.created","data":{"x":"${"x".repeat(950)}"}}`;
  for (let pushed = 0; pushed < count; pushed += 500) {
    await redis.lpush("fluxhook:events", ...Array<string>(500).fill(element));
  }
  while ((await received()) < target) await Bun.sleep(10);
}

async function received(): Promise<number> {
  await receiver.stdin.write("\n");
  await receiver.stdin.flush();
  return Number(await lines());
}

async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

function linesOf(stream: ReadableStream<Uint8Array>): () => Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  return async () => {
    for (;;) {
      const end = rest.indexOf("\n");
      if (end >= 0) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        return line;
      }
      const { value, done } = await reader.read();
      if (done) throw new Error("a process of the benchmark has ended");
      rest += decoder.decode(value, { stream: true });
    }
  };
}
