// The node `event`: pushes an event, which Fluxhook delivers to its owner's webhooks. Exactly once for each node:
// the push has an idempotency key, which Valkey keeps for a day.
import { hash } from "node:crypto";
import type { Scope } from "../../../expressions/scope.ts";
import type { TextTemplate } from "../../../expressions/text-template.ts";
import { ValkeyFull } from "../../../valkey/connection/errors.ts";
import { retryWhileAway, type Reconnecting } from "../../../valkey/connection/retry.ts";
import type { QueueStore } from "../../../valkey/queue/queue-store.ts";
import { readElement, type EventLimits } from "../../../wire/event.ts";
import type { CompiledNode } from "../../compile.ts";
import { expressionFailure, failure, type NodeContext, type NodeOutcome } from "./outcome.ts";

export interface EventDeps {
  intake: Pick<QueueStore, "push">;
  limits: EventLimits;
  link: Reconnecting;
  now: () => number;
}

/** More than any id or type that is accepted. */
const MAX_TEXT_BYTES = 1_024;

export async function runEvent(
  node: Extract<CompiledNode, { type: "event" }>,
  scope: Scope,
  { executionId, maxOutputBytes }: NodeContext,
  { intake, limits, link, now }: EventDeps,
): Promise<NodeOutcome> {
  const id = `evt_${executionId}_${node.id}`;
  const texts: [string, TextTemplate | null][] = [
    ["user_id", node.userId],
    ["org_id", node.orgId],
    ["event", node.event],
  ];
  let members = `{"id":"${id}","timestamp":"${new Date(now()).toISOString()}"`;
  for (const [name, template] of texts) {
    if (template === null) continue;
    const rendered = template.render(scope, MAX_TEXT_BYTES);
    if (!rendered.ok) return expressionFailure(rendered.problem);
    members += `,"${name}":${JSON.stringify(rendered.text)}`;
  }
  const data = node.data.render(scope, maxOutputBytes);
  if (!data.ok) return expressionFailure(data.problem);
  const element = `${members},"data":${data.json}}`;
  const reading = readElement(Buffer.from(element), limits);
  if (!reading.ok) {
    const { reason, message } = reading.rejection;
    return failure("invalid-event", `${reason}: ${message}`);
  }
  const key = `${executionId}.${node.id}`;
  // The same node of the same execution is the same event, whatever a second run would say.
  const idempotency = { key: hash("sha256", key), fingerprint: "1" };
  try {
    await retryWhileAway(link, () => intake.push([element], idempotency, [id]));
  } catch (error) {
    if (error instanceof ValkeyFull) return { kind: "full" };
    throw error;
  }
  return { kind: "finished", json: `{"id":"${id}"}` };
}
