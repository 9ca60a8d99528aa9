// The trigger and the nodes as a list of buttons, which the keyboard can use; adding, moving and removing one.
import { ArrowDown, ArrowUp, Plus, Trash } from "lucide";
import { useState } from "preact/hooks";
import { NODE_TITLES } from "./node-titles.ts";
import type { NodeType } from "../../../wire/workflow/node.ts";
import type { FieldErrors } from "../answers.ts";
import { errorOf } from "../part/field.tsx";
import { Icon } from "../part/icon.tsx";
import { Foreign } from "../part/text.tsx";
import { Writes } from "../part/writes.tsx";
import { say } from "../said.ts";
import { newNode, type Draft } from "./document.ts";

interface NodeListProps {
  draft: Draft;
  chosen: string | null;
  errors: FieldErrors;
  onChoose: (id: string | null) => void;
  onChange: (draft: Draft) => void;
}

export function NodeList({ draft, chosen, errors, onChoose, onChange }: NodeListProps) {
  const [type, setType] = useState<NodeType>("set");
  const { nodes } = draft;
  const at = nodes.findIndex(({ id }) => id === chosen);
  const move = (by: number) => {
    const moved = [...nodes];
    const [node] = moved.splice(at, 1);
    if (node) moved.splice(at + by, 0, node);
    onChange({ ...draft, nodes: moved });
    say("Moved");
  };
  return (
    <>
      <ol class="nodes" aria-label="Trigger and nodes">
        <li>
          <button
            type="button"
            class="quiet"
            aria-current={at === -1 ? "true" : undefined}
            onClick={() => onChoose(null)}
          >
            Trigger
            {errorOf(errors, "trigger") !== undefined && <Marked />}
          </button>
        </li>
        {nodes.map((node, place) => (
          <li key={node.id}>
            <button
              type="button"
              class="quiet"
              aria-current={place === at ? "true" : undefined}
              onClick={() => onChoose(node.id)}
            >
              <Foreign text={node.name ?? node.id} />
              <span class="muted">{NODE_TITLES[node.type] ?? node.type}</span>
              {errorOf(errors, `nodes.${place}`) !== undefined && <Marked />}
            </button>
          </li>
        ))}
      </ol>
      <Writes>
        <div class="actions">
          <label class="unseen" for="new-node-type">
            Type of the new node
          </label>
          <select
            id="new-node-type"
            value={type}
            onChange={({ currentTarget }) => setType(currentTarget.value as NodeType)}
          >
            {Object.entries(NODE_TITLES).map(([value, title]) => (
              <option value={value}>{title}</option>
            ))}
          </select>
          <button
            type="button"
            onClick={() => {
              const node = newNode(type, nodes);
              const place = at === -1 ? 0 : at + 1;
              onChange({ ...draft, nodes: nodes.toSpliced(place, 0, node) });
              onChoose(node.id);
              say("Added");
            }}
          >
            <Icon of={Plus} />
            Add
          </button>
          {at !== -1 && (
            <>
              <button type="button" class="quiet" disabled={at === 0} onClick={() => move(-1)}>
                <Icon of={ArrowUp} />
                Up
              </button>
              <button
                type="button"
                class="quiet"
                disabled={at === nodes.length - 1}
                onClick={() => move(1)}
              >
                <Icon of={ArrowDown} />
                Down
              </button>
              <button
                type="button"
                class="quiet"
                disabled={nodes.length === 1}
                onClick={() => {
                  onChange({ ...draft, nodes: nodes.toSpliced(at, 1) });
                  onChoose(null);
                  say("Removed");
                }}
              >
                <Icon of={Trash} />
                Remove
              </button>
            </>
          )}
        </div>
      </Writes>
    </>
  );
}

function Marked() {
  return <span class="error"> needs correction</span>;
}
