// The executions of a workflow, newest first, and one of them node by node, while it runs too.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChanges, withBegun, type ShownExecution } from "./changes.ts";
import { ENDED } from "./ended.ts";
import type { Execution, ExecutionSummary } from "../../../wire/workflow/execution.ts";
import type { Page as ListPage } from "../answers.ts";
import { call } from "../client.ts";
import { useAction, useLoad } from "../load.ts";
import { JsonText } from "../part/code.tsx";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { Table, type Column } from "../part/table.tsx";
import { Foreign, Id } from "../part/text.tsx";
import { say } from "../said.ts";
import { mayWrite } from "../session.ts";
import { exactTime, fromNow } from "../time.ts";
import { durationInWords } from "../words.ts";
import { callExact } from "./call-exact.ts";
import { RunBadge } from "./words.tsx";

/** While the stream is away. */
const EVERY_MS = 2_000;
const SHOWN_EVERY_MS = 1_000;

interface ExecutionsProps {
  workflowId: string;
  /** Called with what is shown node by node, for the diagram. */
  onShown: (execution: ShownExecution) => void;
}

export function Executions({ workflowId, onShown }: ExecutionsProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  const path = `/v1/executions?workflow_id=${encodeURIComponent(workflowId)}&limit=20`;
  const refreshShown = useRef(() => {});
  const { isLive, begun } = useChanges(workflowId, (id) => {
    refresh();
    if (id === null || id === shown) refreshShown.current();
  });
  const { data, refused, reload, refresh } = useLoad(
    path,
    (signal) => call<ListPage<"executions", ExecutionSummary>>("GET", path, undefined, { signal }),
    isLive ? 0 : EVERY_MS,
  );
  const rows = data?.executions ?? [];
  const shown = chosen ?? rows[0]?.id ?? null;
  return (
    <section aria-label="Executions">
      <h2>Executions</h2>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the executions" />}
      {data !== undefined && rows.length === 0 && (
        <Empty title="No execution yet">
          <p>Run it once, or send a signed request.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table
          label="Executions"
          columns={columns(shown, setChosen)}
          rows={rows}
          keyOf={({ id }) => id}
        />
      )}
      {shown !== null && (
        <Nodes
          key={shown}
          id={shown}
          isLive={isLive}
          begun={begun.get(shown)}
          refreshed={refreshShown}
          onShown={onShown}
          onChanged={reload}
        />
      )}
    </section>
  );
}

function columns(
  shown: string | null,
  choose: (id: string) => void,
): readonly Column<ExecutionSummary>[] {
  return [
    {
      title: "Execution",
      isMain: true,
      cell: ({ id, test }) => (
        <>
          <button
            type="button"
            class="quiet"
            data-row
            aria-pressed={id === shown}
            onClick={() => choose(id)}
          >
            <Id text={id} />
          </button>
          {test && <span class="muted"> test</span>}
        </>
      ),
    },
    { title: "State", cell: ({ state }) => <RunBadge state={state} /> },
    {
      title: "Started",
      cell: ({ accepted_at }) => (
        <time dateTime={accepted_at} title={exactTime(accepted_at)}>
          {fromNow(accepted_at)}
        </time>
      ),
    },
    {
      title: "Error",
      cell: ({ error }) =>
        error && (
          <span class="clipped">
            <Foreign text={error.message} />
          </span>
        ),
    },
  ];
}

interface NodesProps {
  id: string;
  /** What happens to it is reported. */
  isLive: boolean;
  /** The node whose request is under way. */
  begun: string | undefined;
  /** Gets what reads it again. */
  refreshed: { current: () => void };
  onShown: (execution: ShownExecution) => void;
  onChanged: () => void;
}

function Nodes({ id, isLive, begun, refreshed, onShown, onChanged }: NodesProps) {
  const [isEnded, setEnded] = useState(false);
  const path = `/v1/executions/${encodeURIComponent(id)}`;
  const {
    data: read,
    refused,
    reload,
    refresh,
  } = useLoad(
    path,
    (signal) => callExact<Execution>("GET", path, undefined, { signal }),
    isEnded || isLive ? 0 : SHOWN_EVERY_MS,
  );
  refreshed.current = refresh;
  const data = useMemo(() => read && withBegun(read, begun), [read, begun]);
  useEffect(() => {
    if (data === undefined) return;
    onShown(data);
    setEnded(ENDED.includes(data.state));
  }, [data]);
  const act = (verb: "retry" | "cancel", done: string) => async () => {
    await call("POST", `${path}/${verb}`);
    say(done);
    setEnded(false);
    reload();
    onChanged();
  };
  const retry = useAction(act("retry", "It goes on from the failed node"));
  const cancel = useAction(act("cancel", "Cancelled"));
  if (refused && data === undefined) return <Trouble refused={refused} again={reload} />;
  if (data === undefined) return <Waiting what="the execution" />;
  return (
    <section aria-label="Node by node">
      <p class="bar">
        <RunBadge state={data.state} />
        <Id text={data.id} />
        {mayWrite.value && data.state === "failed" && (
          <button type="button" onClick={retry.run} disabled={retry.isRunning}>
            Retry from the failed node
          </button>
        )}
        {mayWrite.value && !ENDED.includes(data.state) && (
          <button type="button" onClick={cancel.run} disabled={cancel.isRunning}>
            Cancel
          </button>
        )}
      </p>
      {retry.refused && <Trouble refused={retry.refused} />}
      {cancel.refused && <Trouble refused={cancel.refused} />}
      <ol class="run-nodes">
        {data.nodes.map((node) => (
          <li key={node.id}>
            <details>
              <summary>
                <RunBadge state={node.state} /> <Foreign text={node.name} />{" "}
                <span class="muted">
                  {node.duration_ms === null ? "" : durationInWords(node.duration_ms)}
                  {node.attempts > 1 ? `, ${node.attempts} attempts` : ""}
                </span>
              </summary>
              {node.error !== null && (
                <p class="error">
                  <Foreign text={`${node.error.code}: ${node.error.message}`} />
                </p>
              )}
              {node.state === "finished" && (
                <JsonText
                  text={JSON.stringify(node.output ?? null)}
                  what={`what ${node.id} gave`}
                />
              )}
            </details>
          </li>
        ))}
      </ol>
      <details>
        <summary>The request</summary>
        <JsonText text={JSON.stringify(data.trigger.data)} what="the body" />
        <JsonText text={JSON.stringify(data.trigger.headers)} what="the headers" />
      </details>
    </section>
  );
}
