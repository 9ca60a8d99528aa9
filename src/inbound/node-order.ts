// The order of a workflow's nodes by `after`: which ones come before a node, and whether there is a cycle.
import type { WorkflowNode } from "../wire/workflow/node.ts";

export interface OrderFault {
  field: string;
  code: "duplicate-node" | "unknown-node" | "cycle";
  message: string;
}

export interface NodeOrder {
  /** The ids that each node names, or the node above it where it names none. */
  after: ReadonlyMap<string, readonly string[]>;
  /** Every node that has ended before this one begins. */
  before: ReadonlyMap<string, ReadonlySet<string>>;
  /** A node comes behind all that are before it; of those that may run, the one that is written first. */
  ids: readonly string[];
}

type OrderedNode = Pick<WorkflowNode, "id" | "after">;

export function orderNodes(
  nodes: readonly OrderedNode[],
): { ok: true; order: NodeOrder } | { ok: false; faults: OrderFault[] } {
  const faults = faultsOf(nodes);
  if (faults.length > 0) return { ok: false, faults };
  const after = new Map(
    nodes.map((node, at) => {
      const above = nodes[at - 1];
      return [node.id, node.after ?? (above === undefined ? [] : [above.id])];
    }),
  );
  const before = new Map<string, Set<string>>();
  while (before.size < nodes.length) {
    const next = nodes.find(
      ({ id }) => !before.has(id) && (after.get(id) ?? []).every((one) => before.has(one)),
    );
    if (next === undefined) return { ok: false, faults: [cycleIn(nodes, after, before)] };
    const direct = after.get(next.id) ?? [];
    before.set(next.id, new Set(direct.flatMap((one) => [one, ...(before.get(one) ?? [])])));
  }
  return { ok: true, order: { after, before, ids: [...before.keys()] } };
}

function faultsOf(nodes: readonly OrderedNode[]): OrderFault[] {
  const faults: OrderFault[] = [];
  const ids = new Set<string>();
  for (const [at, { id }] of nodes.entries()) {
    if (ids.has(id)) {
      const message = `another node has the id ${id}`;
      faults.push({ field: `nodes.${at}.id`, code: "duplicate-node", message });
    }
    ids.add(id);
  }
  for (const [at, { after = [] }] of nodes.entries()) {
    for (const [place, id] of after.entries()) {
      if (ids.has(id)) continue;
      const message = `there is no node ${id}`;
      faults.push({ field: `nodes.${at}.after.${place}`, code: "unknown-node", message });
    }
  }
  return faults;
}

/** Names one cycle, from the first node that is in one or behind one. */
function cycleIn(
  nodes: readonly OrderedNode[],
  after: ReadonlyMap<string, readonly string[]>,
  ordered: ReadonlyMap<string, unknown>,
): OrderFault {
  const path: string[] = [];
  let id = nodes.find((node) => !ordered.has(node.id))?.id ?? "";
  while (!path.includes(id)) {
    path.push(id);
    id = after.get(id)?.find((one) => !ordered.has(one)) ?? "";
  }
  const cycle = [...path.slice(path.indexOf(id)), id].toReversed();
  const at = nodes.findIndex((node) => node.id === id);
  return {
    field: `nodes.${at}.after`,
    code: "cycle",
    message: `the nodes wait for each other: ${cycle.join(" → ")}`,
  };
}
