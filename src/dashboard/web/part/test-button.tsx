// Sends one event to a webhook now: a test, or the sample of a type; the answer opens in place.
import { Send } from "lucide";
import { useState } from "preact/hooks";
import type { LogEntry } from "../../../wire/log-entry.ts";
import type { Webhook } from "../../../wire/webhook.ts";
import type { EventTypes } from "../answers.ts";
import { call } from "../client.ts";
import { offeredTypes } from "../event-types.ts";
import { useAction, useLoad } from "../load.ts";
import { say } from "../said.ts";
import { visible } from "../visible-text.ts";
import { Attempt } from "./attempt.tsx";
import { Icon } from "./icon.tsx";
import { Trouble } from "./notice.tsx";

const TEST = "webhook.test";

export function TestButton({ webhook }: { webhook: Webhook }) {
  const [attempt, setAttempt] = useState<LogEntry | null>(null);
  const [type, setType] = useState(TEST);
  const types = useLoad("types", (signal) =>
    call<EventTypes>("GET", "/v1/event-types", undefined, { signal }),
  );
  const test = useAction(async () => {
    const answer = await call<{ attempt: LogEntry }>("POST", `/v1/webhooks/${webhook.id}/test`, {
      event: type,
    });
    setAttempt(answer.attempt);
    say(`The test was ${answer.attempt.outcome === "delivered" ? "delivered" : "not delivered"}`);
  });
  return (
    <section aria-label="Test">
      <p class="bar">
        <button type="button" class="primary" onClick={test.run} disabled={test.isRunning}>
          <Icon of={Send} />
          {test.isRunning ? "Sending …" : "Send a test"}
        </button>
        <label class="inline">
          Event{" "}
          <select value={type} onChange={({ currentTarget }) => setType(currentTarget.value)}>
            <option value={TEST}>{TEST}</option>
            {withSamples(types.data, webhook.dialect).map((name) => (
              <option value={name}>{visible(name)}</option>
            ))}
          </select>
        </label>
        <span class="muted">
          signed like any other, also if the webhook does not subscribe to its type.
        </span>
      </p>
      {test.refused && <Trouble refused={test.refused} />}
      {attempt && <Attempt key={attempt.delivery_id} entry={attempt} isOpen />}
    </section>
  );
}

/** The types of which the API can send a sample. */
function withSamples(types: EventTypes | undefined, dialect: string): readonly string[] {
  const without = new Set(types?.catalogue.flatMap(({ name, sample }) => (sample ? [] : name)));
  return offeredTypes(types, dialect).flatMap(({ name }) => (without.has(name) ? [] : name));
}
