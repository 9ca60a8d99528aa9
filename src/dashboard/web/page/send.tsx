// Sending an event by hand, with the lines beside it that do the same from any service.
import { useEffect, useState } from "preact/hooks";
import type { EventTypes, Sample } from "../answers.ts";
import { call } from "../client.ts";
import { offeredTypes } from "../event-types.ts";
import { useAction, useLoad } from "../load.ts";
import { queryOf } from "../owner.ts";
import { errorOf, Field } from "../part/field.tsx";
import { OwnerFields } from "../part/owner-fields.tsx";
import { Trouble } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { PushLines } from "../part/push-lines.tsx";
import { elementOf } from "../push-text.ts";
import { Foreign, Id } from "../part/text.tsx";
import { hashOf, route } from "../route.ts";
import { say } from "../said.ts";
import type { Owner } from "../principal.ts";

export function Send() {
  const { query } = route.value;
  const [kind, setKind] = useState<Owner["kind"]>(query.org_id ? "org" : "user");
  const [id, setId] = useState(query.user_id ?? query.org_id ?? "");
  const [type, setType] = useState("file.created");
  const [data, setData] = useState("{}");
  /** Data that was written by hand is not replaced by a sample. */
  const [isOwnData, setOwnData] = useState(false);
  const [sent, setSent] = useState<string | null>(null);
  const types = useLoad("types", (signal) =>
    call<EventTypes>("GET", "/v1/event-types", undefined, { signal }),
  );
  const sample = useSample(type, types.data);
  useEffect(() => {
    if (sample !== null && !isOwnData) setData(sample);
  }, [sample, isOwnData]);
  const owner: Owner = { kind, id: id.trim() };
  const send = useAction(async () => {
    setSent(null);
    const answer = await call<{ ids: string[] }>(
      "POST",
      "/v1/events",
      elementOf({ owner, type, data }),
    );
    setSent(answer.ids[0] ?? "");
    say("Pushed");
  });
  const errors = send.refused?.errors ?? [];
  const offered = offeredTypes(types.data);
  const description = offered.find(({ name }) => name === type)?.description ?? "";
  return (
    <Page title="Send an event">
      <div class="two">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            send.run();
          }}
        >
          <OwnerFields owner={{ kind, id }} errors={errors} onKind={setKind} onId={setId} />
          <Field
            label="Event type"
            hint={description === "" ? undefined : <Foreign text={description} />}
            error={errorOf(errors, "event")}
          >
            {(attributes) => (
              <>
                <input
                  {...attributes}
                  type="text"
                  required
                  spellcheck={false}
                  autocomplete="off"
                  list="event-types"
                  value={type}
                  onInput={({ currentTarget }) => setType(currentTarget.value)}
                />
                <datalist id="event-types">
                  {offered.map(({ name }) => (
                    <option value={name} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
          <Field
            label="Data"
            hint="A JSON object. It goes out exactly as you write it."
            error={errorOf(errors, "data") ?? jsonProblem(data)}
          >
            {(attributes) => (
              <textarea
                {...attributes}
                rows={8}
                spellcheck={false}
                value={data}
                onInput={({ currentTarget }) => {
                  setOwnData(true);
                  setData(currentTarget.value);
                }}
              />
            )}
          </Field>
          {send.refused && <Trouble refused={send.refused} />}
          <div class="actions">
            <button type="submit" class="primary" disabled={send.isRunning}>
              Push the event
            </button>
            {isOwnData && sample !== null && (
              <button type="button" onClick={() => setOwnData(false)}>
                Use the sample of this type
              </button>
            )}
          </div>
          {sent !== null && (
            <p class="notice ok">
              <span>
                Pushed as <Id text={sent} />.{" "}
                <a href={hashOf("/webhooks", queryOf(owner))}>See the owner's webhooks</a>
              </span>
            </p>
          )}
        </form>
        <section aria-label="The same from a service">
          <PushLines owner={owner} type={type} data={data} />
        </section>
      </div>
    </Page>
  );
}

/** The sample of a type; null where none is known. Its text is kept: no number is rounded. */
function useSample(type: string, types: EventTypes | undefined): string | null {
  const own = types?.catalogue.find(({ name }) => name === type);
  const isAsked = !own && offeredTypes(types).some(({ name }) => name === type);
  const { data } = useLoad(`sample ${isAsked ? type : ""}`, async (signal) =>
    isAsked
      ? call<Sample>("GET", `/v1/sample?event=${encodeURIComponent(type)}`, undefined, {
          signal,
        }).catch(() => null)
      : null,
  );
  return own ? own.sample : (data?.data ?? null);
}

function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return `Not JSON yet: ${(error as Error).message}`;
  }
}
