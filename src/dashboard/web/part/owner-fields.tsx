// The fields of a form that name an owner: a user or an organisation, and the id.
import type { FieldErrors } from "../answers.ts";
import type { Owner } from "../principal.ts";
import { errorOf, Field } from "./field.tsx";

interface OwnerFieldsProps {
  owner: Owner;
  errors: FieldErrors;
  onKind: (kind: Owner["kind"]) => void;
  onId: (id: string) => void;
}

export function OwnerFields({ owner: { kind, id }, errors, onKind, onId }: OwnerFieldsProps) {
  return (
    <>
      <Field label="Owner">
        {(attributes) => (
          <select
            {...attributes}
            value={kind}
            onChange={({ currentTarget }) => onKind(currentTarget.value === "org" ? "org" : "user")}
          >
            <option value="user">User</option>
            <option value="org">Organisation</option>
          </select>
        )}
      </Field>
      <Field
        label={kind === "user" ? "User id" : "Organisation id"}
        error={errorOf(errors, `${kind}_id`)}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            required
            maxLength={128}
            spellcheck={false}
            autocomplete="off"
            value={id}
            onInput={({ currentTarget }) => onId(currentTarget.value)}
          />
        )}
      </Field>
    </>
  );
}
