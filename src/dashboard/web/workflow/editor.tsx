// The editor of a workflow: the diagram, a form for what is chosen in it, the same document as JSON, "run once",
// and the executions. The API checks the document while it is changed.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { FieldErrors } from "../answers.ts";
import { refusedOf, type Refused } from "../client.ts";
import { useAction } from "../load.ts";
import { Trouble } from "../part/notice.tsx";
import { say } from "../said.ts";
import { mayWrite } from "../session.ts";
import { callExact } from "./call-exact.ts";
import type { ShownExecution } from "./changes.ts";
import { DiagramView } from "./diagram-view.tsx";
import { draftOf, type Draft, type ShownWorkflow } from "./document.ts";
import { Executions } from "./executions.tsx";
import { JsonTab } from "./json-tab.tsx";
import { NodeForm } from "./node-form.tsx";
import { NodeList } from "./node-list.tsx";
import { pathsOf } from "./paths.ts";
import { RunOnce } from "./run-once.tsx";
import { TriggerForm } from "./trigger-form.tsx";

const CHECK_AFTER_MS = 400;

interface EditorProps {
  workflow: ShownWorkflow;
  onSaved: () => void;
}

export function Editor({ workflow, onSaved }: EditorProps) {
  /** As it is stored. What is typed while a save is under way stays a change. */
  const [stored, setStored] = useState(workflow);
  const [draft, setDraft] = useState<Draft>(() => draftOf(workflow));
  /** Fields keep texts of their own: they begin anew where the draft was replaced. */
  const [generation, setGeneration] = useState(0);
  /** The id of a node; null: the trigger. */
  const [chosen, setChosen] = useState<string | null>(workflow.nodes[0]?.id ?? null);
  const [isJson, setJson] = useState(false);
  const [latest, setLatest] = useState<ShownExecution | null>(null);
  const broken = useBroken();
  const isChanged = JSON.stringify(draft) !== JSON.stringify(draftOf(stored));
  const errors = useCheck(draft, isChanged);
  const at = draft.nodes.findIndex(({ id }) => id === chosen);
  const node = draft.nodes[at];
  const paths = latest === null ? [] : pathsOf(dataOf(latest, draft, at));
  const path = `/v1/workflows/${workflow.id}`;
  const replace = (by: ShownWorkflow) => {
    setStored(by);
    setDraft(draftOf(by));
    setGeneration((before) => before + 1);
  };
  const save = useAction(async () => {
    // Either of them: that it was enabled or disabled meanwhile is no change of the document.
    const { revision } = stored;
    const headers = { "If-Match": `"${revision}", "${revision}-disabled"` };
    const saved = await callExact<ShownWorkflow>("PUT", path, draft, { headers });
    setStored(saved);
    setDraft((now) => (now === draft ? draftOf(saved) : now));
    say("Saved");
    onSaved();
  });
  return (
    <>
      <section aria-label="Editor">
        <div class="bar">
          <h2>Editor</h2>
          <div class="choice">
            <button type="button" aria-pressed={!isJson} onClick={() => setJson(false)}>
              Form
            </button>
            <button type="button" aria-pressed={isJson} onClick={() => setJson(true)}>
              JSON
            </button>
          </div>
        </div>
        {isJson ? (
          <JsonTab
            key={generation}
            draft={draft}
            errors={errors}
            onChange={setDraft}
            onBroken={broken.note}
          />
        ) : (
          <div class="editor">
            <div class="editor-side">
              <DiagramView
                nodes={draft.nodes}
                chosen={chosen}
                execution={latest}
                onChoose={setChosen}
              />
              <NodeList
                draft={draft}
                chosen={chosen}
                errors={errors}
                onChoose={setChosen}
                onChange={setDraft}
              />
            </div>
            <fieldset class="editor-form" disabled={!mayWrite.value} aria-label="What is chosen">
              {node === undefined ? (
                <TriggerForm key={generation} draft={draft} errors={errors} onChange={setDraft} />
              ) : (
                <NodeForm
                  key={`${generation} ${at} ${node.type}`}
                  draft={draft}
                  at={at}
                  errors={errors}
                  paths={paths}
                  onChange={setDraft}
                  onRenamed={setChosen}
                  onBroken={broken.note}
                />
              )}
            </fieldset>
          </div>
        )}
        {save.refused && (
          <SaveTrouble
            refused={save.refused}
            onReload={async () => {
              replace(await callExact<ShownWorkflow>("GET", path, undefined));
              save.clear();
            }}
          />
        )}
        {mayWrite.value && (
          <div class="actions">
            <button
              type="button"
              class="primary"
              onClick={save.run}
              disabled={save.isRunning || !isChanged || broken.isAny}
            >
              Save
            </button>
            <button
              type="button"
              disabled={!isChanged}
              onClick={() => {
                replace(stored);
                save.clear();
              }}
            >
              Undo the changes
            </button>
            <span class="muted" role="status">
              {stateInWords(isChanged, broken.isAny, errors)}
            </span>
          </div>
        )}
      </section>
      {mayWrite.value && (
        <RunOnce path={path} isChanged={isChanged} latest={latest} onRun={setLatest} />
      )}
      <Executions workflowId={workflow.id} onShown={setLatest} />
    </>
  );
}

interface SaveTroubleProps {
  refused: Refused;
  onReload: () => Promise<void>;
}

function SaveTrouble({ refused, onReload }: SaveTroubleProps) {
  const load = useAction(onReload);
  return (
    <>
      <Trouble refused={refused} />
      {refused.status === 412 && (
        <p class="bar">
          Somebody else has changed it meanwhile.
          <button type="button" onClick={load.run}>
            Load the newest, and drop my changes
          </button>
        </p>
      )}
    </>
  );
}

function stateInWords(isChanged: boolean, isBroken: boolean, errors: FieldErrors): string {
  if (isBroken) return "Not JSON yet.";
  if (errors.length > 0) return errors.length === 1 ? "1 mistake." : `${errors.length} mistakes.`;
  return isChanged ? "Not saved yet." : "";
}

/** Asks the API what is wrong with the draft, a moment after its last change. */
function useCheck(draft: Draft, isChanged: boolean): FieldErrors {
  const [errors, setErrors] = useState<FieldErrors>([]);
  useEffect(() => {
    if (!isChanged) {
      setErrors([]);
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      callExact<{ errors: FieldErrors }>("POST", "/v1/workflows/check", draft, {
        signal: stop.signal,
      }).then(
        (checked) => setErrors(checked.errors),
        (error: unknown) => {
          if (!stop.signal.aborted) setErrors(refusedOf(error).errors);
        },
      );
    }, CHECK_AFTER_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [draft, isChanged]);
  return errors;
}

/** Which fields hold text that is no JSON: the draft has their last value that was. */
function useBroken() {
  const fields = useRef(new Set<string>());
  const [isAny, setAny] = useState(false);
  const note = useCallback((field: string, isBroken: boolean) => {
    if (isBroken) fields.current.add(field);
    else fields.current.delete(field);
    setAny(fields.current.size > 0);
  }, []);
  return { isAny, note };
}

/** What a node may name: the request, and the nodes above it. */
function dataOf(execution: ShownExecution, { nodes }: Draft, at: number) {
  const above = new Set(nodes.slice(0, at).map(({ id }) => id));
  return {
    data: execution.trigger.data,
    headers: execution.trigger.headers,
    nodes: execution.nodes.filter(({ id, state }) => above.has(id) && state === "finished"),
  };
}
