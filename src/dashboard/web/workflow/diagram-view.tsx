// The diagram of a workflow. Its layout is a chunk of its own; the list of nodes beside it says the same.
import { useEffect, useState } from "preact/hooks";
import { Waiting } from "../part/notice.tsx";
import type { ShownExecution } from "./changes.ts";
import { afterOf, type DraftNode } from "./document.ts";

interface DiagramViewProps {
  nodes: readonly DraftNode[];
  chosen: string | null;
  execution: ShownExecution | null;
  onChoose: (id: string) => void;
}

type Layout = typeof import("./layout.ts").layOut;

export function DiagramView({ nodes, chosen, execution, onChoose }: DiagramViewProps) {
  const [layOut, setLayOut] = useState<Layout | null>(null);
  useEffect(() => {
    // Without the chunk, the list of nodes does.
    import("./layout.ts").then(
      (loaded) => setLayOut(() => loaded.layOut),
      () => {},
    );
  }, []);
  if (layOut === null) return <Waiting what="the diagram" />;
  const edges = nodes.flatMap(({ id }, at) => afterOf(nodes, at).map((from) => ({ from, to: id })));
  const { width, height, boxes, lines } = layOut(
    nodes.map(({ id }) => id),
    edges,
  );
  const states = new Map(execution?.nodes.map(({ id, state }) => [id, state]));
  const types = new Map(nodes.map((node) => [node.id, node]));
  return (
    <svg
      class="diagram"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      aria-hidden="true"
      focusable="false"
    >
      {lines.map(({ from, points }) => (
        <g>
          <polyline points={points.map(({ x, y }) => `${x},${y}`).join(" ")} />
          <circle cx={points.at(-1)?.x} cy={points.at(-1)?.y} r={3} />
          {types.get(from)?.type === "if" && (
            <text x={points[1]?.x} y={points[1]?.y} dx={6}>
              if true
            </text>
          )}
        </g>
      ))}
      {boxes.map(({ id, x, y, width: across, height: high }) => {
        const node = types.get(id);
        return (
          <g
            class={`box ${states.get(id) ?? ""} ${id === chosen ? "chosen" : ""}`}
            onClick={() => onChoose(id)}
          >
            <rect x={x - across / 2} y={y - high / 2} width={across} height={high} rx={6} />
            <text x={x} y={y - 3} text-anchor="middle">
              {shorten(node?.name ?? id)}
            </text>
            <text class="type" x={x} y={y + 14} text-anchor="middle">
              {node?.type}
              {states.has(id) ? `: ${states.get(id)}` : ""}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

function shorten(text: string): string {
  const characters = Array.from(text);
  return characters.length <= 20 ? text : `${characters.slice(0, 19).join("")}…`;
}
