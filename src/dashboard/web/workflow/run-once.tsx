// Runs the workflow now, without a signature, on data that the reader gives: at first those of the last execution.
import { Play } from "lucide";
import { useState } from "preact/hooks";
import type { Execution } from "../../../wire/workflow/execution.ts";
import { useAction } from "../load.ts";
import { Field } from "../part/field.tsx";
import { Icon } from "../part/icon.tsx";
import { Trouble } from "../part/notice.tsx";
import { say } from "../said.ts";
import { callExact } from "./call-exact.ts";
import type { ShownExecution } from "./changes.ts";
import { jsonText, parseExact } from "./exact-json.ts";

interface RunOnceProps {
  path: string;
  /** What is not saved is not run. */
  isChanged: boolean;
  latest: ShownExecution | null;
  onRun: (execution: Execution) => void;
}

export function RunOnce({ path, isChanged, latest, onRun }: RunOnceProps) {
  const [own, setOwn] = useState<string | null>(null);
  const text = own ?? (latest === null ? '{\n  "event": "test"\n}' : jsonText(dataOf(latest)));
  const isJson = canParse(text);
  const run = useAction(async () => {
    const execution = await callExact<Execution>("POST", `${path}/test`, `{"data":${text}}`);
    onRun(execution);
    say(`The execution is ${execution.state}`);
  });
  return (
    <section aria-label="Run once">
      <h2>Run once</h2>
      <Field
        label="The body of the request"
        hint="It runs with all its effects: requests are sent, events are pushed."
        error={isJson ? undefined : "is not JSON yet"}
      >
        {(attributes) => (
          <textarea
            {...attributes}
            class="json"
            rows={Math.min(12, Math.max(4, text.split("\n").length))}
            spellcheck={false}
            value={text}
            onInput={({ currentTarget }) => setOwn(currentTarget.value)}
          />
        )}
      </Field>
      {run.refused && <Trouble refused={run.refused} />}
      <div class="actions">
        <button type="button" onClick={run.run} disabled={run.isRunning || !isJson}>
          <Icon of={Play} />
          {run.isRunning ? "Running …" : "Run once"}
        </button>
        {isChanged && <span class="muted">It runs what is saved, not what you have changed.</span>}
      </div>
    </section>
  );
}

/** The body has the query in it as `_query`, which is no part of what was sent. */
function dataOf({ trigger: { data } }: ShownExecution): unknown {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return data;
  const { _query, ...rest } = data as Record<string, unknown>;
  return rest;
}

function canParse(text: string): boolean {
  try {
    parseExact(text);
    return true;
  } catch {
    return false;
  }
}
