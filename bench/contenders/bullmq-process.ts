// BullMQ's worker; runs on Bun and on Node. One signature by the fastest way there is on both (the
// synchronous HMAC), where Fluxhook and the bare loop make two.
import { createHmac, randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { Worker } from "bullmq";
import { JOB_QUEUE, type DeliveryJob } from "./bullmq-job.ts";

const TIMEOUT_MS = 10_000;
const MINUTE_MS = 60_000;
/** As Fluxhook's; `attemptsMade` is 1 after the first. */
const BACKOFF_MS = [0, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS];

interface Config {
  valkey_url: string;
  urls: string[];
  secret: string;
  concurrency: number;
}

const lines = createInterface({ input: process.stdin });
const config = await new Promise<Config>((resolve) =>
  lines.once("line", (line) => resolve(JSON.parse(line) as Config)),
);

async function deliver({ webhook, event }: DeliveryJob): Promise<void> {
  const { id, type, timestamp, data } = event;
  const body = JSON.stringify({ id, event: type, timestamp, data });
  const response = await fetch(config.urls[webhook] ?? "", {
    method: "POST",
    headers: {
      "User-Agent": "Fluxhook/1.0",
      "Content-Type": "application/json",
      "X-Fluxdrop-Event": type,
      "X-Fluxdrop-Delivery": randomUUID(),
      "X-Fluxdrop-Timestamp": `${Math.floor(Date.now() / 1_000)}`,
      "X-Fluxdrop-Signature": createHmac("sha256", config.secret).update(body).digest("hex"),
    },
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`);
}

const worker = new Worker<DeliveryJob>(JOB_QUEUE, ({ data }) => deliver(data), {
  connection: { url: config.valkey_url },
  concurrency: config.concurrency,
  settings: { backoffStrategy: (attemptsMade) => BACKOFF_MS[attemptsMade] ?? MINUTE_MS },
});
await worker.waitUntilReady();
process.stdout.write('{"ready":true}\n');
