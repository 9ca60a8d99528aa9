// A field that holds JSON. While its text is no JSON, the draft keeps the last value that was.
import { useEffect, useState } from "preact/hooks";
import { Field } from "../part/field.tsx";
import { jsonText, parseExact } from "./exact-json.ts";

interface JsonFieldProps {
  label: string;
  hint?: string;
  /** The path of the field in the document. */
  place: string;
  value: unknown;
  error?: string;
  isOptional: boolean;
  onChange: (value: unknown) => void;
  onBroken: (field: string, isBroken: boolean) => void;
}

export function JsonField(props: JsonFieldProps) {
  const { label, hint, place, value, error, isOptional, onChange, onBroken } = props;
  const [text, setText] = useState(() => jsonText(value));
  const [isBroken, setBroken] = useState(false);
  // A field that is no longer shown breaks nothing.
  useEffect(() => () => onBroken(place, false), [place, onBroken]);
  const change = (changed: string) => {
    setText(changed);
    let isFine = true;
    if (changed.trim() === "" && isOptional) onChange(undefined);
    else {
      try {
        onChange(parseExact(changed));
      } catch {
        isFine = false;
      }
    }
    setBroken(!isFine);
    onBroken(place, !isFine);
  };
  return (
    <Field label={label} hint={hint} error={isBroken ? "is not JSON yet" : error}>
      {(attributes) => (
        <textarea
          {...attributes}
          class="json"
          data-template="json"
          rows={Math.min(16, Math.max(3, text.split("\n").length))}
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      )}
    </Field>
  );
}
