// From the start of the process to its first delivery, and what it holds when it has nothing to do.
import { atMost, interleave, medianOf, type Bench, type Scenario, type Values } from "../bench.ts";
import type { Contender } from "../contenders/contender.ts";
import { cpuSeconds, rssMb, wallMs } from "../measure.ts";
import { openStage } from "../stage.ts";
import { oneWebhookEach } from "../workload.ts";

const IDLE_MS = 3_000;

export const start: Scenario = {
  name: "start",
  what: "start to first delivery, one event waiting; RSS after three idle seconds",
  async run(bench) {
    const contenders = await bench.contenders("fluxhook", "bullmq-bun", "bullmq-node");
    const rows = await interleave(
      bench,
      contenders.map((contender) => ({
        name: contender.label,
        run: () => startRun(bench, contender),
      })),
    );
    const own = rows.find(({ name }) => name === "Fluxhook");
    return {
      rows,
      bars: [
        ...atMost("start to first delivery, ms", 150, medianOf(own, "first_delivery_ms")),
        ...atMost("idle RSS, MB", 80, medianOf(own, "rss_idle_mb")),
      ],
      notes: [],
    };
  },
};

async function startRun(bench: Bench, contender: Contender): Promise<Values> {
  await using stage = await openStage(bench.pins);
  const { receiver } = stage;
  const prepared = await contender.prepare(stage, oneWebhookEach(receiver.base, 1));
  await prepared.push(1);
  receiver.expect([1]);
  await receiver.read();
  const startedAtMs = wallMs();
  const running = prepared.start();
  const arrivedAtMs = await receiver.mark(1);
  const { pids } = await running;
  const readyAtMs = wallMs();
  const before = await cpuSeconds(...pids);
  await Bun.sleep(IDLE_MS);
  const cpu = (await cpuSeconds(...pids)) - before;
  return {
    first_delivery_ms: arrivedAtMs - startedAtMs,
    ready_ms: readyAtMs - startedAtMs,
    rss_idle_mb: await rssMb(pids[0] ?? 0, "now"),
    idle_cpu_percent: (cpu * 1e5) / IDLE_MS,
  };
}
