// The secret of a webhook or a workflow: reveal, copy, rotate, all in its row; the grace of a rotation is said.
import { Eye, EyeOff, RotateCcwKey } from "lucide";
import { useState } from "preact/hooks";
import { call } from "../client.ts";
import { useAction } from "../load.ts";
import { say } from "../said.ts";
import { clockTime } from "../time.ts";
import { CopyButton } from "./copy.tsx";
import { errorOf, Field } from "./field.tsx";
import { Icon } from "./icon.tsx";
import { Trouble } from "./notice.tsx";
import { Writes } from "./writes.tsx";

interface Rotated {
  secret: string;
  previous_expires_at: string | null;
}

const GRACES: readonly [hours: number, title: string][] = [
  [0, "at once"],
  [1, "after 1 hour"],
  [24, "after 24 hours"],
  [72, "after 3 days"],
  [168, "after 7 days"],
];

interface SecretRowProps {
  /** Of the webhook or workflow. */
  path: string;
  /** What the secret does. */
  verb: "signs" | "is accepted";
}

export function SecretRow({ path, verb }: SecretRowProps) {
  const verbs = verb === "signs" ? "sign" : "are accepted";
  const [secret, setSecret] = useState<string | null>(null);
  const [rotated, setRotated] = useState<Rotated | null>(null);
  const [isRotating, setRotating] = useState(false);
  const read = async () => (await call<{ secret: string }>("GET", `${path}/secret`)).secret;
  const reveal = useAction(async () => setSecret(secret === null ? await read() : null));
  const rotate = async (input: { grace_hours: number; secret?: string }) => {
    const answer = await call<Rotated>("POST", `${path}/rotate-secret`, input);
    setSecret(answer.secret);
    setRotated(answer);
  };
  const endOld = useAction(async () => {
    await rotate({ grace_hours: 0, secret: await read() });
    say(`Only the newest secret ${verb} now`);
  });
  return (
    <section aria-label="Secret">
      <h2>Secret</h2>
      <div class="secret">
        <code data-secret>{secret ?? "••••••••••••••••"}</code>
        <button type="button" class="quiet" onClick={reveal.run} disabled={reveal.isRunning}>
          <Icon of={secret === null ? Eye : EyeOff} />
          {secret === null ? "Reveal" : "Hide"}
        </button>
        <CopyButton
          text={() => (secret === null ? read() : Promise.resolve(secret))}
          what="the secret"
        />
        <Writes>
          <button
            type="button"
            class="quiet"
            aria-expanded={isRotating}
            onClick={() => setRotating(!isRotating)}
          >
            <Icon of={RotateCcwKey} />
            Rotate
          </button>
        </Writes>
      </div>
      {isRotating && (
        <RotateForm
          rotate={rotate}
          mayBeGiven={verb === "is accepted"}
          onDone={() => {
            setRotating(false);
            say("Rotated. The new secret is shown.");
          }}
          onCancel={() => setRotating(false)}
        />
      )}
      {rotated && (
        <p class="bar" data-grace>
          {rotated.previous_expires_at === null ? (
            `Only the newest secret ${verb}.`
          ) : (
            <>
              Both {verbs} until {clockTime(rotated.previous_expires_at)}: put the new one into{" "}
              {verb === "signs" ? "your server" : "the sender"} before that.
              <button type="button" onClick={endOld.run} disabled={endOld.isRunning}>
                End the old one now
              </button>
            </>
          )}
        </p>
      )}
      {reveal.refused && <Trouble refused={reveal.refused} />}
      {endOld.refused && <Trouble refused={endOld.refused} />}
    </section>
  );
}

interface RotateProps {
  rotate: (input: { grace_hours: number; secret?: string }) => Promise<void>;
  /** Many senders make the secret themselves. */
  mayBeGiven: boolean;
  onDone: () => void;
  onCancel: () => void;
}

function RotateForm({ rotate, mayBeGiven, onDone, onCancel }: RotateProps) {
  const [hours, setHours] = useState(24);
  const [given, setGiven] = useState("");
  const rotation = useAction(async () => {
    await rotate({ grace_hours: hours, ...(given === "" ? {} : { secret: given }) });
    onDone();
  });
  return (
    <form
      class="bar inset"
      onSubmit={(event) => {
        event.preventDefault();
        rotation.run();
      }}
    >
      {mayBeGiven && (
        <Field
          label="The new secret (optional)"
          hint="The one that the sender has given to you. If it is empty, one is made."
          error={errorOf(rotation.refused?.errors ?? [], "secret")}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="password"
              autocomplete="off"
              value={given}
              onInput={({ currentTarget }) => setGiven(currentTarget.value)}
            />
          )}
        </Field>
      )}
      <label class="inline">
        The old secret ends
        <select
          value={hours}
          onChange={({ currentTarget }) => setHours(Number(currentTarget.value))}
        >
          {GRACES.map(([value, title]) => (
            <option value={value}>{title}</option>
          ))}
        </select>
      </label>
      <button type="submit" class="primary" disabled={rotation.isRunning}>
        {given === "" ? "Make a new secret" : "Save the new secret"}
      </button>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
      {rotation.refused && <Trouble refused={rotation.refused} />}
    </form>
  );
}
