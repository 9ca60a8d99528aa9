// The whole document as JSON. Each mistake names its line, and leads to its place in the text.
import { useEffect, useRef, useState } from "preact/hooks";
import type { FieldErrors } from "../answers.ts";
import { Field } from "../part/field.tsx";
import { Foreign } from "../part/text.tsx";
import { mayWrite } from "../session.ts";
import type { Draft } from "./document.ts";
import { jsonText, parseExact } from "./exact-json.ts";
import { placeOf } from "./places.ts";

interface JsonTabProps {
  draft: Draft;
  errors: FieldErrors;
  onChange: (draft: Draft) => void;
  onBroken: (field: string, isBroken: boolean) => void;
}

export function JsonTab({ draft, errors, onChange, onBroken }: JsonTabProps) {
  const [text, setText] = useState(() => jsonText(draft));
  const [fault, setFault] = useState<string | null>(null);
  const area = useRef<HTMLTextAreaElement | null>(null);
  useEffect(() => () => onBroken("", false), [onBroken]);
  const change = (changed: string) => {
    setText(changed);
    const read = readDocument(changed);
    if ("draft" in read) onChange(read.draft);
    setFault("fault" in read ? read.fault : null);
    onBroken("", "fault" in read);
  };
  return (
    <>
      <Field label="The workflow as JSON" error={fault ?? undefined}>
        {(attributes) => (
          <textarea
            {...attributes}
            ref={area}
            class="json"
            rows={24}
            spellcheck={false}
            readOnly={!mayWrite.value}
            value={text}
            onInput={({ currentTarget }) => change(currentTarget.value)}
          />
        )}
      </Field>
      {fault === null && errors.length > 0 && (
        <ul class="mistakes" aria-label="Mistakes">
          {errors.map(({ field, message }) => {
            const { start, end, line } = placeOf(text, field);
            return (
              <li>
                <button
                  type="button"
                  class="quiet"
                  onClick={() => {
                    area.current?.focus();
                    area.current?.setSelectionRange(start, end);
                  }}
                >
                  line {line}
                </button>{" "}
                <code>
                  <Foreign text={field} />
                </code>
                : <Foreign text={message} />
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}

function readDocument(text: string): { draft: Draft } | { fault: string } {
  let value: unknown;
  try {
    value = parseExact(text);
  } catch (error) {
    return { fault: error instanceof Error ? error.message : "is not JSON" };
  }
  const { nodes, trigger } = (value ?? {}) as Partial<Draft>;
  const isDocument =
    Array.isArray(nodes) &&
    nodes.every((node) => typeof node === "object" && node !== null && "id" in node) &&
    typeof trigger === "object";
  return isDocument
    ? { draft: value as Draft }
    : { fault: "it must be an object with a trigger and a list of nodes, each with an id" };
}
