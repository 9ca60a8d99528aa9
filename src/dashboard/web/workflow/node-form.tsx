// The form of one node: the fields of its type, and the paths of real data to insert.
import { useId, useRef } from "preact/hooks";
import type { NodeType } from "../../../wire/workflow/node.ts";
import type { FieldErrors } from "../answers.ts";
import { errorOf, Field } from "../part/field.tsx";
import { Foreign } from "../part/text.tsx";
import type { Draft, DraftNode } from "./document.ts";
import { JsonField } from "./json-field.tsx";
import { insertPath } from "./insert-path.ts";
import { NODE_TITLES } from "./node-titles.ts";
import type { DataPath } from "./paths.ts";

interface NodeFormProps {
  draft: Draft;
  at: number;
  errors: FieldErrors;
  paths: readonly DataPath[];
  onChange: (draft: Draft) => void;
  onRenamed: (id: string) => void;
  onBroken: (field: string, isBroken: boolean) => void;
}

type FieldKind = "text" | "json" | "number" | "method" | "flag";

interface NodeField {
  name: string;
  label: string;
  kind: FieldKind;
  hint?: string;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const FIELDS: Readonly<Record<NodeType, readonly NodeField[]>> = {
  set: [{ name: "value", label: "Value", kind: "json", hint: "Any JSON; a string needs quotes." }],
  http: [
    { name: "method", label: "Method", kind: "method" },
    { name: "url", label: "URL", kind: "text" },
    { name: "headers", label: "Headers (optional)", kind: "json", hint: '{"X-Key": "value"}' },
    { name: "body", label: "Body (optional)", kind: "json" },
    { name: "timeout_ms", label: "Time-out in ms", kind: "number" },
    { name: "fail_on_status", label: "A status of 400 and above fails it", kind: "flag" },
  ],
  event: [
    { name: "user_id", label: "User id", kind: "text", hint: "This, the organisation, or both." },
    { name: "org_id", label: "Organisation id", kind: "text" },
    { name: "event", label: "Event type", kind: "text" },
    { name: "data", label: "Data", kind: "json" },
  ],
  task: [
    { name: "task", label: "Name of the task", kind: "text" },
    { name: "input", label: "Input (optional)", kind: "json" },
    { name: "timeout_ms", label: "Time-out in ms", kind: "number" },
  ],
  if: [
    {
      name: "condition",
      label: "Condition",
      kind: "text",
      hint: "The nodes after it run only if it is true: trigger.data.amount > 1000",
    },
  ],
};

export function NodeForm(props: NodeFormProps) {
  const { draft, at, errors, paths, onChange, onRenamed, onBroken } = props;
  const node = draft.nodes[at];
  /** The field that a path is inserted into: the one that was used last. */
  const used = useRef<HTMLInputElement | HTMLTextAreaElement | null>(null);
  if (node === undefined) return null;
  const change = (fields: Partial<DraftNode>) => {
    const changed: DraftNode = { ...node, ...fields };
    for (const [name, value] of Object.entries(changed)) {
      if (value === undefined) delete changed[name];
    }
    onChange({ ...draft, nodes: draft.nodes.with(at, changed) });
  };
  const errorAt = (name: string) => errorOf(errors, `nodes.${at}.${name}`);
  return (
    <div
      role="group"
      aria-label={`Node ${node.id}`}
      onFocusIn={({ target }) => {
        const isTemplate = target instanceof HTMLElement && target.dataset.template !== undefined;
        if (isTemplate) used.current = target as HTMLInputElement;
      }}
    >
      <h3>
        {NODE_TITLES[node.type]} <Foreign text={node.id} />
      </h3>
      <Insert paths={paths} onChoose={(path) => insertPath(used.current, path)} />
      {FIELDS[node.type].map((field) => (
        <FieldOf
          key={field.name}
          field={field}
          place={`nodes.${at}.${field.name}`}
          value={node[field.name]}
          error={errorAt(field.name)}
          onChange={(value) => change({ [field.name]: value })}
          onBroken={onBroken}
        />
      ))}
      <details class="more">
        <summary>Name, id, order and errors</summary>
        <Field label="Name" error={errorAt("name")}>
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              maxLength={200}
              value={node.name ?? ""}
              onInput={({ currentTarget: { value } }) =>
                change({ name: value === "" ? undefined : value })
              }
            />
          )}
        </Field>
        <Field
          label="Id"
          hint={`Other nodes name it: nodes.${node.id}.output`}
          error={errorAt("id")}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              maxLength={64}
              spellcheck={false}
              value={node.id}
              onInput={({ currentTarget: { value } }) => {
                change({ id: value });
                onRenamed(value);
              }}
            />
          )}
        </Field>
        <After node={node} nodes={draft.nodes} error={errorAt("after")} onChange={change} />
        <label class="check">
          <input
            type="checkbox"
            checked={node.on_error === "continue"}
            onChange={({ currentTarget: { checked } }) =>
              change({ on_error: checked ? "continue" : undefined })
            }
          />
          Go on where it fails
        </label>
      </details>
    </div>
  );
}

interface FieldOfProps {
  field: NodeField;
  place: string;
  value: unknown;
  error: string | undefined;
  onChange: (value: unknown) => void;
  onBroken: (field: string, isBroken: boolean) => void;
}

function FieldOf({ field, place, value, error, onChange, onBroken }: FieldOfProps) {
  const { label, hint, kind } = field;
  if (kind === "json") {
    const isOptional = label.endsWith("(optional)");
    return <JsonField {...{ label, hint, place, value, error, isOptional, onChange, onBroken }} />;
  }
  if (kind === "flag") {
    return (
      <label class="check">
        <input
          type="checkbox"
          checked={value !== false}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
        {label}
      </label>
    );
  }
  return (
    <Field label={label} hint={hint} error={error}>
      {(attributes) => {
        if (kind === "method") {
          return (
            <select
              {...attributes}
              value={textOf(value) || "GET"}
              onChange={({ currentTarget }) => onChange(currentTarget.value)}
            >
              {METHODS.map((method) => (
                <option>{method}</option>
              ))}
            </select>
          );
        }
        const shown = textOf(value);
        if (kind === "number") {
          return (
            <input
              {...attributes}
              type="number"
              value={shown}
              onInput={({ currentTarget: { value: text } }) =>
                onChange(text === "" ? undefined : Number(text))
              }
            />
          );
        }
        return (
          <input
            {...attributes}
            type="text"
            data-template="text"
            spellcheck={false}
            autocomplete="off"
            value={shown}
            onInput={({ currentTarget: { value: text } }) =>
              onChange(text === "" ? undefined : text)
            }
          />
        );
      }}
    </Field>
  );
}

/** What the JSON tab put there may be anything. */
function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

interface AfterProps {
  node: DraftNode;
  nodes: readonly DraftNode[];
  error: string | undefined;
  onChange: (fields: Partial<DraftNode>) => void;
}

function After({ node, nodes, error, onChange }: AfterProps) {
  const others = nodes.filter(({ id }) => id !== node.id);
  const after = node.after ?? [];
  return (
    <fieldset class="field">
      <legend>Comes after</legend>
      <label class="check">
        <input
          type="checkbox"
          checked={node.after === undefined}
          onChange={({ currentTarget }) =>
            onChange({ after: currentTarget.checked ? undefined : [] })
          }
        />
        the node above it
      </label>
      {node.after !== undefined &&
        others.map(({ id }) => (
          <label class="check">
            <input
              type="checkbox"
              checked={after.includes(id)}
              onChange={({ currentTarget }) =>
                onChange({
                  after: currentTarget.checked ? [...after, id] : after.filter((one) => one !== id),
                })
              }
            />
            <Foreign text={id} />
          </label>
        ))}
      {error !== undefined && (
        <p class="error">
          <Foreign text={error} />
        </p>
      )}
    </fieldset>
  );
}

interface InsertProps {
  paths: readonly DataPath[];
  onChoose: (path: string) => void;
}

function Insert({ paths, onChoose }: InsertProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Insert a value of the last execution</label>
      <select
        id={id}
        value=""
        disabled={paths.length === 0}
        onChange={({ currentTarget }) => {
          onChoose(currentTarget.value);
          currentTarget.value = "";
        }}
      >
        <option value="">
          {paths.length === 0 ? "Run it once to see its data here" : "Choose a path …"}
        </option>
        {paths.map(({ path, shown }) => (
          <option value={path}>
            {path} = {shown}
          </option>
        ))}
      </select>
    </div>
  );
}
