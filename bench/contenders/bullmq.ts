// BullMQ with fetch, its worker as a good engineer would write it, on Bun and on Node.
import { join } from "node:path";
import { Queue } from "bullmq";
import { Child } from "../child.ts";
import { pinned } from "../machine.ts";
import { wallMs } from "../measure.ts";
import { dataText, EVENT_TYPE, ownerOfEvent, SECRET } from "../workload.ts";
import { JOB_QUEUE, type DeliveryJob } from "./bullmq-job.ts";
import { queueProducer, type Contender } from "./contender.ts";

const SOURCE = join(import.meta.dir, "bullmq-process.ts");
/** Inside of the checkout, so that it finds its packages. */
const BUILT = join(import.meta.dir, "../../node_modules/.cache/fluxhook-bench");

export function bullmq(runtime: "bun" | "node", concurrency: number): Contender {
  return {
    name: `bullmq-${runtime}`,
    label: `BullMQ, fetch, ${runtime === "bun" ? "Bun" : "Node"}`,
    prepare: async (stage, workload) => {
      const queue = new Queue<DeliveryJob>(JOB_QUEUE, {
        connection: { url: stage.valkey.url },
        defaultJobOptions: {
          attempts: 5,
          backoff: { type: "custom" },
          removeOnComplete: { count: 1_000 },
          removeOnFail: { count: 100_000, age: 7 * 86_400 },
        },
      });
      stage.defer(() => queue.close());
      const { push, offer } = queueProducer((first, count) => {
        const nowMs = wallMs();
        const timestamp = new Date(nowMs).toISOString();
        const jobs = Array.from({ length: count }, (_, i) => {
          const n = first + i;
          const event = {
            id: crypto.randomUUID(),
            type: EVENT_TYPE,
            timestamp,
            data: JSON.parse(dataText(workload, n, nowMs)) as unknown,
          };
          const firstWebhook = ownerOfEvent(workload, n) * workload.perOwner;
          // One job for each webhook, or one that is down would repeat the others' requests.
          return Array.from({ length: workload.perOwner }, (_webhook, k) => ({
            name: EVENT_TYPE,
            data: { webhook: firstWebhook + k, event },
          }));
        });
        return addInGroups(queue, jobs.flat());
      });
      return {
        push,
        start: async () => {
          const script = runtime === "bun" ? SOURCE : await buildForNode();
          const command = [runtime === "bun" ? process.execPath : "node", script];
          const child = stage.use(
            Child.spawn(`BullMQ on ${runtime}`, pinned(command, "contender", stage.pins), {
              BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
              NODE_ENV: "production",
              ...(stage.tls && { NODE_EXTRA_CA_CERTS: stage.tls.cert }),
            }),
          );
          child.send({
            valkey_url: stage.valkey.url,
            urls: workload.urls,
            secret: SECRET,
            concurrency,
          });
          await child.next((message) => "ready" in message);
          return { pids: [child.pid], offer };
        },
      };
    },
  };
}

type Job = { name: string; data: DeliveryJob };

async function addInGroups(queue: Queue<DeliveryJob>, jobs: readonly Job[]): Promise<void> {
  for (let at = 0; at < jobs.length; at += 500) await queue.addBulk(jobs.slice(at, at + 500));
}

let built: Promise<string> | undefined;

/** Its types gone, nothing else changed; its packages stay where Node finds them. */
function buildForNode(): Promise<string> {
  built ??= Bun.build({
    entrypoints: [SOURCE],
    outdir: BUILT,
    target: "node",
    format: "esm",
    packages: "external",
    naming: "[name].mjs",
  }).then(({ outputs: [output] }) => {
    if (!output) throw new Error("BullMQ's worker could not be built for Node");
    return output.path;
  });
  return built;
}
