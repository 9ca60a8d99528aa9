// A labelled input. What the API found wrong with it stands below it, and is read with it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { FieldErrors } from "../answers.ts";
import { Foreign } from "./text.tsx";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string;
  children: (attributes: InputAttributes) => ComponentChildren;
}

/** What ties an input to its label, its hint and its error. */
interface InputAttributes {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: "true";
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""]
    .filter(Boolean)
    .join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        ...(described === "" ? {} : { "aria-describedby": described }),
        ...(error === undefined ? {} : { "aria-invalid": "true" }),
      })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="error" id={`${id}-error`}>
          <Foreign text={error} />
        </p>
      )}
    </div>
  );
}

/** What was found wrong with a field, or with what is in it: `headers.X-Key`. */
export function errorOf(errors: FieldErrors, name: string): string | undefined {
  const found = errors.filter(({ field }) => field === name || field.startsWith(`${name}.`));
  return found.length === 0 ? undefined : found.map(({ message }) => message).join("; ");
}

/** Those that none of these fields shows. */
export function otherErrors(errors: FieldErrors, names: readonly string[]): FieldErrors {
  return errors.filter(({ field }) => !names.includes(field.split(".")[0] ?? ""));
}
