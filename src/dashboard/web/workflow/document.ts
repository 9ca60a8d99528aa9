// The document of a workflow as the editor changes it.
import type { NodeType } from "../../../wire/workflow/node.ts";
import type { Trigger } from "../../../wire/workflow/trigger.ts";

/** A node with whatever fields its type has; the API says what is wrong with them. */
export interface DraftNode extends Record<string, unknown> {
  id: string;
  type: NodeType;
  name?: string;
  after?: string[];
}

/** Without `enabled`: a save leaves it as it is by then, unless the author writes it into the JSON. */
export interface Draft {
  name: string;
  enabled?: boolean;
  trigger: Trigger;
  nodes: DraftNode[];
}

export interface ShownWorkflow extends Draft {
  id: string;
  enabled: boolean;
  revision: number;
  url: string;
  updated_at: string;
}

export function draftOf({ name, trigger, nodes }: ShownWorkflow): Draft {
  return { name, trigger, nodes };
}

const NEW_FIELDS: Readonly<Record<NodeType, object>> = {
  set: { value: "{{trigger.data}}" },
  http: { method: "POST", url: "https://example.com/", body: "{{trigger.data}}" },
  event: { user_id: "u_1", event: "order.created", data: { received: "{{trigger.data}}" } },
  task: { task: "my-task", input: "{{trigger.data}}" },
  if: { condition: "trigger.data.amount > 1000" },
};

/** Makes a node with an id that no other has. */
export function newNode(type: NodeType, nodes: readonly DraftNode[]): DraftNode {
  const taken = new Set(nodes.map(({ id }) => id));
  let at = 1;
  while (taken.has(`${type}_${at}`)) at += 1;
  return { id: `${type}_${at}`, type, ...NEW_FIELDS[type] };
}

/** The ids that come directly before each node: those that it names, or the one above it. */
export function afterOf(nodes: readonly DraftNode[], at: number): readonly string[] {
  const above = nodes[at - 1];
  return nodes[at]?.after ?? (above === undefined ? [] : [above.id]);
}
