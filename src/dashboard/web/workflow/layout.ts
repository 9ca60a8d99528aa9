// Where the nodes and edges of a diagram are. A chunk of its own, for the library that knows it.
import { Graph, layout } from "@dagrejs/dagre";

const WIDTH = 170;
const HEIGHT = 46;

export interface Box {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Line {
  from: string;
  points: readonly { x: number; y: number }[];
}

export interface Laid {
  width: number;
  height: number;
  boxes: readonly Box[];
  lines: readonly Line[];
}

/** Edges from or to a node that does not exist, and nodes that are there twice, are left out. */
export function layOut(
  ids: readonly string[],
  edges: readonly { from: string; to: string }[],
): Laid {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 34, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(ids);
  for (const id of known) graph.setNode(id, { width: WIDTH, height: HEIGHT });
  for (const { from, to } of edges) {
    if (known.has(from) && known.has(to) && from !== to) graph.setEdge(from, to);
  }
  layout(graph);
  const { width = WIDTH, height = HEIGHT } = graph.graph();
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    boxes: graph.nodes().map((id) => {
      const { x, y } = graph.node(id);
      return { id, x, y, width: WIDTH, height: HEIGHT };
    }),
    lines: graph.edges().map((edge) => ({ from: edge.v, points: graph.edge(edge).points })),
  };
}
