// The form's part that few need: the dialect with a sample, and what is under "More".
import type { DialectName } from "../../../wire/dialects/registry.ts";
import type { FieldErrors } from "../answers.ts";
import { DIALECTS, sampleOf, STANDARD_HEADERS } from "../dialects.ts";
import { errorOf, Field } from "../part/field.tsx";
import type { WebhookTexts } from "../webhook-input.ts";

interface DialectChoiceProps {
  dialect: DialectName;
  onChange: (dialect: DialectName) => void;
}

export function DialectChoice({ dialect, onChange }: DialectChoiceProps) {
  const sample = sampleOf(dialect);
  const lines = [...(sample?.headers ?? []), ...STANDARD_HEADERS].map(
    ([name, value]) => `${name}: ${value}`,
  );
  return (
    <>
      <Field label="Format of the requests">
        {(attributes) => (
          <select
            {...attributes}
            value={dialect}
            onChange={({ currentTarget }) => {
              const chosen = DIALECTS.find(({ name }) => name === currentTarget.value);
              if (chosen) onChange(chosen.name);
            }}
          >
            {DIALECTS.map(({ name, title }) => (
              <option value={name}>{title}</option>
            ))}
          </select>
        )}
      </Field>
      <details>
        <summary>What a request looks like</summary>
        <pre class="sample" tabIndex={0}>
          {`${lines.join("\n")}\n\n${sample?.body ?? ""}`}
        </pre>
      </details>
    </>
  );
}

interface MoreProps {
  texts: WebhookTexts;
  errors: FieldErrors;
  isNew: boolean;
  onChange: (changed: Partial<WebhookTexts>) => void;
}

const MORE = ["filter", "headers", "timeout_ms", "retry_schedule", "disable_rule", "secret"];

export function MoreFields({ texts, errors, isNew, onChange }: MoreProps) {
  const isOpen = MORE.some((name) => errorOf(errors, name) !== undefined);
  return (
    <details open={isOpen || undefined}>
      <summary>More: filter, headers, time-out, retries{isNew ? ", your own secret" : ""}</summary>
      <Field
        label="Filter"
        hint="Only events for which this is true are sent, such as event.data.amount > 1000. Empty: all."
        error={errorOf(errors, "filter")}
      >
        {(attributes) => (
          <input
            {...attributes}
            spellcheck={false}
            autocomplete="off"
            value={texts.filter}
            onInput={({ currentTarget }) => onChange({ filter: currentTarget.value })}
          />
        )}
      </Field>
      <Field
        label="Custom headers"
        hint="One per line, as Name: value. They are sent with every request."
        error={errorOf(errors, "headers")}
      >
        {(attributes) => (
          <textarea
            {...attributes}
            rows={3}
            spellcheck={false}
            value={texts.headers}
            onInput={({ currentTarget }) => onChange({ headers: currentTarget.value })}
          />
        )}
      </Field>
      <Field
        label="Time-out in seconds"
        hint="For a whole attempt, at most 30. Empty: the format's own."
        error={errorOf(errors, "timeout_ms")}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="number"
            min={0.1}
            max={30}
            step="any"
            value={texts.timeoutS}
            onInput={({ currentTarget }) => onChange({ timeoutS: currentTarget.value })}
          />
        )}
      </Field>
      <Field
        label="Delays before the attempts"
        hint="From the end of the one before, such as 0s, 1m, 5m, 30m, 2h. Empty: the default."
        error={errorOf(errors, "retry_schedule")}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            spellcheck={false}
            value={texts.schedule}
            onInput={({ currentTarget }) => onChange({ schedule: currentTarget.value })}
          />
        )}
      </Field>
      <DisableRuleFields texts={texts} errors={errors} onChange={onChange} />
      {isNew && (
        <Field
          label="Your own secret (optional)"
          hint="16 to 128 printable characters, or whsec_ and base64. Empty: Fluxhook makes one."
          error={errorOf(errors, "secret")}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              autocomplete="off"
              spellcheck={false}
              value={texts.secret}
              onInput={({ currentTarget }) => onChange({ secret: currentTarget.value })}
            />
          )}
        </Field>
      )}
    </details>
  );
}

const RULES: Record<WebhookTexts["rule"], string> = {
  default: "the format's own rule",
  failures: "after this many failures in a row",
  time: "after failing for this long",
  never: "never",
};

function DisableRuleFields({ texts, errors, onChange }: Omit<MoreProps, "isNew">) {
  const { rule } = texts;
  return (
    <>
      <Field label="Disabled automatically" error={errorOf(errors, "disable_rule")}>
        {(attributes) => (
          <select
            {...attributes}
            value={rule}
            onChange={({ currentTarget }) =>
              onChange({ rule: currentTarget.value as WebhookTexts["rule"] })
            }
          >
            {Object.entries(RULES).map(([name, title]) => (
              <option value={name}>{title}</option>
            ))}
          </select>
        )}
      </Field>
      {(rule === "failures" || rule === "time") && (
        <Field label={rule === "failures" ? "Failures in a row" : "How long, such as 5d or 12h"}>
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              inputMode={rule === "failures" ? "numeric" : "text"}
              required
              value={texts.ruleValue}
              onInput={({ currentTarget }) => onChange({ ruleValue: currentTarget.value })}
            />
          )}
        </Field>
      )}
    </>
  );
}
