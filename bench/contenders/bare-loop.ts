// The bare loop: the limit of what one process can send. It signs and fetches, and stores nothing.
import { join } from "node:path";
import { Child } from "../child.ts";
import { pinned } from "../machine.ts";
import type { Contender } from "./contender.ts";

const FILE = join(import.meta.dir, "bare-loop-process.ts");

export const bareLoop: Contender = {
  name: "bare",
  label: "bare loop of signed fetches",
  prepare: async (stage, workload) => {
    let events = 0;
    return {
      push: async (count) => void (events += count),
      start: async () => {
        const command = pinned([process.execPath, FILE], "contender", stage.pins);
        const child = stage.use(
          Child.spawn("the bare loop", command, {
            BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
            ...(stage.tls && { NODE_EXTRA_CA_CERTS: stage.tls.cert }),
          }),
        );
        child.send({ workload });
        await child.next((message) => "ready" in message);
        if (events > 0) child.send({ deliver: events });
        return {
          pids: [child.pid],
          offer: async (rate) => {
            child.send({ offer: rate });
            const withinMs = rate.seconds * 1_000 + 60_000;
            const { late_ms } = await child.next((message) => "late_ms" in message, { withinMs });
            return Number(late_ms);
          },
        };
      },
    };
  },
};
