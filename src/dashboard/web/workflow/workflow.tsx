// One workflow: where to send to, its secret, its editor, its executions.
import { Play, Power, Trash } from "lucide";
import { useState } from "preact/hooks";
import { call } from "../client.ts";
import { useAction, useLoad } from "../load.ts";
import { Confirm } from "../part/dialog.tsx";
import { Icon } from "../part/icon.tsx";
import { Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { SecretRow } from "../part/secret-row.tsx";
import { Foreign, Id } from "../part/text.tsx";
import { go, hashOf } from "../route.ts";
import { say } from "../said.ts";
import { mayWrite } from "../session.ts";
import { callExact } from "./call-exact.ts";
import type { ShownWorkflow } from "./document.ts";
import { Editor } from "./editor.tsx";
import { SendLines } from "./send-lines.tsx";
import { Enabled } from "./words.tsx";

export function WorkflowPage({ id }: { id: string }) {
  const path = `/v1/workflows/${encodeURIComponent(id)}`;
  const { data, refused, reload } = useLoad(path, (signal) =>
    callExact<ShownWorkflow>("GET", path, undefined, { signal }),
  );
  if (data === undefined) {
    return (
      <Page title="Workflow">
        {refused ? <Trouble refused={refused} again={reload} /> : <Waiting what="the workflow" />}
      </Page>
    );
  }
  return (
    <Page
      title={`Workflow ${data.name}`}
      heading={<Foreign text={data.name} />}
      actions={mayWrite.value && <Actions workflow={data} reload={reload} />}
    >
      <p class="bar">
        <Enabled enabled={data.enabled} />
        <Id text={data.id} />
        <span class="muted">revision {data.revision}</span>
        <a href={hashOf("/workflows")}>All workflows</a>
      </p>
      <SendLines workflow={data} />
      <SecretRow path={path} verb="is accepted" />
      <Editor workflow={data} onSaved={reload} />
    </Page>
  );
}

function Actions({ workflow, reload }: { workflow: ShownWorkflow; reload: () => void }) {
  const [isDeleting, setDeleting] = useState(false);
  const path = `/v1/workflows/${workflow.id}`;
  const toggle = useAction(async () => {
    await call("POST", `${path}/${workflow.enabled ? "disable" : "enable"}`);
    say(workflow.enabled ? "Disabled" : "Enabled");
    reload();
  });
  return (
    <>
      <button type="button" onClick={toggle.run} disabled={toggle.isRunning}>
        <Icon of={workflow.enabled ? Power : Play} />
        {workflow.enabled ? "Disable" : "Enable"}
      </button>
      <button type="button" onClick={() => setDeleting(true)}>
        <Icon of={Trash} />
        Delete
      </button>
      {toggle.refused && <Trouble refused={toggle.refused} />}
      {isDeleting && (
        <Confirm
          title="Delete the workflow"
          verb="Delete it"
          onClose={() => setDeleting(false)}
          act={async () => {
            await call("DELETE", path);
            say("Deleted");
            go(hashOf("/workflows"));
          }}
        >
          <p>
            Requests to <Foreign text={workflow.url} /> are answered 401 then. Executions that are
            under way go on.
          </p>
        </Confirm>
      )}
    </>
  );
}
