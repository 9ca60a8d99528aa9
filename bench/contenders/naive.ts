// A worker written by hand, without guarantees: what a sidecar's cost is compared with.
import { join } from "node:path";
import { Child } from "../child.ts";
import { pinned } from "../machine.ts";
import { wallMs } from "../measure.ts";
import { ownersOf, SECRET, type Workload } from "../workload.ts";
import { queueProducer, type Contender } from "./contender.ts";
import { element } from "./fluxhook.ts";

const FILE = join(import.meta.dir, "naive-process.ts");
const QUEUE = "naive:events";

export const naive: Contender = {
  name: "naive",
  label: "naive worker, fetch",
  prepare: async (stage, workload) => {
    const { push, offer } = queueProducer((first, count) => {
      const nowMs = wallMs();
      const elements = Array.from({ length: count }, (_, i) => element(workload, first + i, nowMs));
      // BLPOP takes from the left, so the oldest event stands there.
      return stage.redis.rpush(QUEUE, ...elements);
    });
    return {
      push,
      start: async () => {
        const command = pinned([process.execPath, FILE], "contender", stage.pins);
        const child = stage.use(
          Child.spawn("the naive worker", command, {
            BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
            NODE_ENV: "production",
          }),
        );
        child.send({
          valkey_url: stage.valkey.url,
          queue: QUEUE,
          secret: SECRET,
          webhooks: urlsOfOwners(workload),
        });
        await child.next((message) => "ready" in message);
        return { pids: [child.pid], offer };
      },
    };
  },
};

function urlsOfOwners(workload: Workload): Record<string, string[]> {
  const { urls, perOwner } = workload;
  return Object.fromEntries(
    Array.from({ length: ownersOf(workload) }, (_, owner) => [
      `u_${owner}`,
      urls.slice(owner * perOwner, (owner + 1) * perOwner),
    ]),
  );
}
