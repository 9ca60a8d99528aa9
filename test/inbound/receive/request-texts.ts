// What the last execution of a scene was started with.
import type { InboundScene } from "./inbound-scene.ts";

export function queryOf(scene: InboundScene): unknown {
  return JSON.parse(scene.executions.started.at(-1)?.query ?? "null");
}
