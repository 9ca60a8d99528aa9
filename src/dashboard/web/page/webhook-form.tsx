// Adding a webhook and changing one. A new one's secret is shown as soon as it is saved.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Webhook } from "../../../wire/webhook.ts";
import type { EventTypes } from "../answers.ts";
import { call, Refused } from "../client.ts";
import { ALERT_TYPES, offeredTypes } from "../event-types.ts";
import { useAction, useLoad } from "../load.ts";
import { queryOf } from "../owner.ts";
import { CopyButton } from "../part/copy.tsx";
import { Dialog } from "../part/dialog.tsx";
import { EventChoice } from "../part/event-choice.tsx";
import { errorOf, Field, otherErrors } from "../part/field.tsx";
import { Trouble } from "../part/notice.tsx";
import { Foreign } from "../part/text.tsx";
import { UrlCheck } from "../part/url-check.tsx";
import { hashOf } from "../route.ts";
import { say } from "../said.ts";
import type { Owner } from "../principal.ts";
import { changesOf, NEW, readTexts, textsOf, type WebhookTexts } from "../webhook-input.ts";
import { DialectChoice, MoreFields } from "./webhook-form-more.tsx";

interface FormProps {
  owner: Owner;
  /** The one to change; a new one where it is missing. */
  webhook?: Webhook;
  onClose: () => void;
  onSaved: () => void;
}

type Created = Webhook & { secret: string };

const SHOWN_FIELDS = [
  "url",
  "description",
  "events",
  "filter",
  "headers",
  "timeout_ms",
  "retry_schedule",
  "disable_rule",
  "secret",
];

export function WebhookForm({ owner, webhook, onClose, onSaved }: FormProps) {
  const [created, setCreated] = useState<Created | null>(null);
  // One dialog for both: of two, the second could not give the focus back to who opened the first.
  if (created) {
    return (
      <Dialog title="Saved. This is its secret" onClose={onClose}>
        <SecretOnce webhook={created} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title={webhook ? "Change the webhook" : "Add a webhook"} onClose={onClose}>
      <Form
        owner={owner}
        webhook={webhook}
        onClose={onClose}
        onSaved={(made) => {
          onSaved();
          if (made) setCreated(made);
          else onClose();
        }}
      />
    </Dialog>
  );
}

interface InnerProps extends Omit<FormProps, "onSaved"> {
  onSaved: (created: Created | null) => void;
}

function Form({ owner, webhook, onClose, onSaved }: InnerProps) {
  const checkId = useId();
  const [texts, setTexts] = useState<WebhookTexts>(webhook ? textsOf(webhook) : NEW);
  const change = (changed: Partial<WebhookTexts>) => setTexts((all) => ({ ...all, ...changed }));
  const types = useLoad("types", (signal) =>
    call<EventTypes>("GET", "/v1/event-types", undefined, { signal }),
  );
  const save = useAction(async () => {
    if (texts.events.length === 0) throw invalid("events", "tick at least one");
    const reading = readTexts(texts);
    if ("errors" in reading) throw new Refused(422, "form", "Not saved:", reading.errors);
    if (webhook === undefined) {
      const input = { ...reading.fields, ...queryOf(owner) };
      onSaved(await call<Created>("POST", "/v1/webhooks", input));
      return say("Saved");
    }
    const changes = changesOf(reading.fields, webhook);
    if (Object.keys(changes).length > 0) {
      await call("PATCH", `/v1/webhooks/${webhook.id}`, changes);
    }
    onSaved(null);
    say("Saved");
  });
  const errors = save.refused?.errors ?? [];
  const others = otherErrors(errors, SHOWN_FIELDS);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.run();
      }}
    >
      <Field label="URL" error={errorOf(errors, "url")}>
        {({ "aria-describedby": described, ...attributes }) => (
          <>
            <input
              {...attributes}
              aria-describedby={[checkId, described].filter(Boolean).join(" ")}
              type="url"
              inputMode="url"
              required
              autoFocus
              spellcheck={false}
              autocomplete="off"
              placeholder="https://example.com/webhooks"
              value={texts.url}
              onInput={({ currentTarget }) => change({ url: currentTarget.value })}
            />
            {errorOf(errors, "url") === undefined && <UrlCheck url={texts.url} id={checkId} />}
          </>
        )}
      </Field>
      <Field label="Description (optional)" error={errorOf(errors, "description")}>
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            maxLength={500}
            value={texts.description}
            onInput={({ currentTarget }) => change({ description: currentTarget.value })}
          />
        )}
      </Field>
      <EventChoice
        catalogue={[...offeredTypes(types.data, texts.dialect), ...ALERT_TYPES]}
        chosen={texts.events}
        error={errorOf(errors, "events")}
        onChange={(events) => change({ events })}
      />
      <DialectChoice dialect={texts.dialect} onChange={(dialect) => change({ dialect })} />
      <MoreFields texts={texts} errors={errors} isNew={webhook === undefined} onChange={change} />
      {save.refused && (errors.length === 0 || others.length > 0) && (
        <Trouble refused={new Refused(0, "", save.refused.message, others)} />
      )}
      {errors.length > others.length && (
        <p class="error" role="alert">
          Not saved: correct what is marked.
        </p>
      )}
      <div class="actions">
        <button type="submit" class="primary" disabled={save.isRunning}>
          Save
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function invalid(field: string, message: string): Refused {
  return new Refused(422, "form", "Not saved:", [{ field, code: "form", message }]);
}

function SecretOnce({ webhook, onClose }: { webhook: Created; onClose: () => void }) {
  const text = useRef<HTMLParagraphElement>(null);
  // What had it, the form, is gone.
  useEffect(() => text.current?.focus(), []);
  return (
    <>
      <p ref={text} tabIndex={-1}>
        Every request to <Foreign text={new URL(webhook.url).host} /> is signed with it. Put it into
        your server's settings, so that it can verify the signature. You can also reveal it later.
      </p>
      <div class="secret">
        <code data-secret>{webhook.secret}</code>
        <CopyButton text={webhook.secret} what="the secret" />
      </div>
      <div class="actions">
        <a class="button primary" href={hashOf(`/webhooks/${webhook.id}`)} onClick={onClose}>
          Open the webhook
        </a>
        <button type="button" onClick={onClose}>
          Done
        </button>
      </div>
    </>
  );
}
