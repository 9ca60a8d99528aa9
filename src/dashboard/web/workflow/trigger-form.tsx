// The trigger: how requests are verified, and what they are answered with.
import type { ComponentChildren } from "preact";
import type { Trigger } from "../../../wire/workflow/trigger.ts";
import type { FieldErrors } from "../answers.ts";
import { errorOf, Field } from "../part/field.tsx";
import type { Draft } from "./document.ts";
import { jsonText, parseExact } from "./exact-json.ts";
import { MODE_TITLES } from "./words.tsx";
import { useState } from "preact/hooks";

const SCHEME_TITLES: Readonly<Record<Trigger["verification"]["scheme"], string>> = {
  fluxhook: "X-Webhook-Signature, hex HMAC-SHA256 of the body",
  github: "GitHub",
  meta: "Meta: WhatsApp, Messenger, Instagram",
  slack: "Slack",
  stripe: "Stripe",
  shopify: "Shopify",
  standard: "Standard Webhooks, Svix",
  twilio: "Twilio",
};

interface TriggerFormProps {
  draft: Draft;
  errors: FieldErrors;
  onChange: (draft: Draft) => void;
}

export function TriggerForm({ draft, errors, onChange }: TriggerFormProps) {
  const { trigger, nodes } = draft;
  const { response, verification } = trigger;
  const change = (fields: Partial<Trigger>) =>
    onChange({ ...draft, trigger: { ...trigger, ...fields } });
  const answer = (fields: Partial<Trigger["response"]>) =>
    change({ response: { ...response, ...fields } });
  const errorAt = (name: string) => errorOf(errors, `trigger.${name}`);
  return (
    <div role="group" aria-label="Trigger">
      <h3>Trigger</h3>
      <Field label="Name of the workflow" error={errorOf(errors, "name")}>
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            maxLength={200}
            value={draft.name}
            onInput={({ currentTarget }) => onChange({ ...draft, name: currentTarget.value })}
          />
        )}
      </Field>
      <Choice
        label="The sender signs like"
        value={verification.scheme}
        options={Object.entries(SCHEME_TITLES)}
        error={errorAt("verification.scheme")}
        onChange={(scheme) =>
          change({
            verification: { scheme: scheme as keyof typeof SCHEME_TITLES },
            ...(scheme === "fluxhook" ? {} : { replay: false }),
          })
        }
      />
      {verification.scheme === "meta" && (
        <Field
          label="Verify token"
          hint="The same as at Meta. It is not shown again; empty keeps the one that is stored."
          error={errorAt("verification.verify_token")}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="password"
              autocomplete="off"
              value={verification.verify_token ?? ""}
              onInput={({ currentTarget: { value } }) =>
                change({
                  verification: {
                    scheme: "meta",
                    ...(value === "" ? {} : { verify_token: value }),
                  },
                })
              }
            />
          )}
        </Field>
      )}
      {verification.scheme === "fluxhook" && (
        <Check isChecked={trigger.replay} onChange={(replay) => change({ replay })}>
          Sign id and time too, so that a captured request cannot be sent again
        </Check>
      )}
      <Check
        isChecked={trigger.accepts.includes("form")}
        onChange={(form) => change({ accepts: form ? ["json", "form"] : ["json"] })}
      >
        Accept forms beside JSON
      </Check>
      <Choice
        label="Webhook response: it answers"
        value={response.mode}
        options={Object.entries(MODE_TITLES)}
        error={errorAt("response.mode")}
        onChange={(mode) => {
          const { node_id: _node, ...rest } = response;
          const needsNode = mode === "specificNode";
          const node = needsNode ? { node_id: nodes.at(-1)?.id ?? "" } : {};
          change({ response: { ...rest, mode: mode as keyof typeof MODE_TITLES, ...node } });
        }}
      />
      {response.mode === "specificNode" && (
        <Choice
          label="The node that answers"
          value={response.node_id ?? ""}
          options={nodes.map(({ id }) => [id, id])}
          error={errorAt("response.node_id")}
          onChange={(node_id) => answer({ node_id })}
        />
      )}
      <Numbered
        label="Status"
        value={response.status}
        error={errorAt("response.status")}
        onChange={(status) => answer({ status })}
      />
      <HeadersField
        headers={response.headers}
        error={errorAt("response.headers")}
        onChange={(headers) => answer({ headers })}
      />
      <Numbered
        label="It waits at most, in ms"
        value={response.timeout_ms}
        error={errorAt("response.timeout_ms")}
        onChange={(timeout_ms) => answer({ timeout_ms })}
      />
      <Numbered
        label="Executions at once"
        value={trigger.concurrency}
        error={errorAt("concurrency")}
        onChange={(concurrency) => change({ concurrency })}
      />
      <Field
        label="A repeated request is known by (optional)"
        hint="An expression such as trigger.data.id. Without it: by the header Idempotency-Key."
        error={errorAt("idempotency")}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            spellcheck={false}
            value={trigger.idempotency ?? ""}
            onInput={({ currentTarget: { value } }) =>
              change({ idempotency: value === "" ? null : value })
            }
          />
        )}
      </Field>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, title: string])[];
  error?: string;
  onChange: (value: string) => void;
}

function Choice({ label, value, options, error, onChange }: ChoiceProps) {
  return (
    <Field label={label} error={error}>
      {(attributes) => (
        <select
          {...attributes}
          value={value}
          onChange={({ currentTarget }) => onChange(currentTarget.value)}
        >
          {options.map(([name, title]) => (
            <option value={name}>{title}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface CheckProps {
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
  children: ComponentChildren;
}

function Check({ isChecked, onChange, children }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isChecked}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      {children}
    </label>
  );
}

interface NumberedProps {
  label: string;
  value: number;
  error?: string;
  onChange: (value: number) => void;
}

function Numbered({ label, value, error, onChange }: NumberedProps) {
  return (
    <Field label={label} error={error}>
      {(attributes) => (
        <input
          {...attributes}
          type="number"
          value={value}
          onInput={({ currentTarget }) => onChange(Number(currentTarget.value))}
        />
      )}
    </Field>
  );
}

interface HeadersProps {
  headers: Record<string, string>;
  error?: string;
  onChange: (headers: Record<string, string>) => void;
}

function HeadersField({ headers, error, onChange }: HeadersProps) {
  const [text, setText] = useState(() =>
    Object.keys(headers).length === 0 ? "" : jsonText(headers),
  );
  const [isBroken, setBroken] = useState(false);
  return (
    <Field
      label="Headers of the answer (optional)"
      hint={'{"Location": "https://example.com/"}'}
      error={isBroken ? "is not JSON yet" : error}
    >
      {(attributes) => (
        <textarea
          {...attributes}
          class="json"
          rows={3}
          spellcheck={false}
          value={text}
          onInput={({ currentTarget: { value } }) => {
            setText(value);
            try {
              onChange(value.trim() === "" ? {} : (parseExact(value) as Record<string, string>));
              setBroken(false);
            } catch {
              setBroken(true);
            }
          }}
        />
      )}
    </Field>
  );
}
