// All workflows, and adding one.
import { Plus } from "lucide";
import { useState } from "preact/hooks";
import type { WorkflowSummary } from "../../../sdk/api-types.ts";
import type { Page as ListPage } from "../answers.ts";
import { call } from "../client.ts";
import { useAction, useLoad } from "../load.ts";
import { CopyButton } from "../part/copy.tsx";
import { Dialog } from "../part/dialog.tsx";
import { errorOf, Field } from "../part/field.tsx";
import { Icon } from "../part/icon.tsx";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { Table, type Column } from "../part/table.tsx";
import { Foreign, Id } from "../part/text.tsx";
import { go, hashOf } from "../route.ts";
import { say } from "../said.ts";
import { mayWrite } from "../session.ts";
import { exactTime, fromNow } from "../time.ts";
import { newNode } from "./document.ts";
import { Enabled, MODE_TITLES } from "./words.tsx";

const EVERY_MS = 5_000;

export function WorkflowList() {
  const [isAdding, setAdding] = useState(false);
  const [cursor, setCursor] = useState("");
  const path = `/v1/workflows${cursor === "" ? "" : `?cursor=${cursor}`}`;
  const { data, refused, reload } = useLoad(
    path,
    (signal) => call<ListPage<"workflows", WorkflowSummary>>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
  const rows = data?.workflows ?? [];
  return (
    <Page
      title="Workflows"
      actions={
        mayWrite.value && (
          <button type="button" class="primary" onClick={() => setAdding(true)}>
            <Icon of={Plus} />
            Add a workflow
          </button>
        )
      }
    >
      <p>A signed request from outside starts a workflow, and the answer contains its result.</p>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the workflows" />}
      {data !== undefined && rows.length === 0 && cursor === "" && (
        <Empty title="No workflow yet">
          <p>Add one, give its URL and its secret to the sender, and run it once from here.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table label="Workflows" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
      )}
      <p class="actions">
        {cursor !== "" && (
          <button type="button" onClick={() => setCursor("")}>
            First page
          </button>
        )}
        {data?.next_cursor && (
          <button type="button" onClick={() => setCursor(data.next_cursor ?? "")}>
            Next page
          </button>
        )}
      </p>
      {isAdding && (
        <NewWorkflow
          onClose={() => {
            setAdding(false);
            reload();
          }}
        />
      )}
    </Page>
  );
}

const COLUMNS: readonly Column<WorkflowSummary>[] = [
  {
    title: "Name",
    isMain: true,
    cell: ({ id, name }) => (
      <>
        <a class="whole-row" data-row href={hashOf(`/workflows/${id}`)}>
          <Foreign text={name} />
        </a>{" "}
        <Id text={id} />
      </>
    ),
  },
  { title: "State", cell: ({ enabled }) => <Enabled enabled={enabled} /> },
  { title: "Signed by", cell: ({ scheme }) => scheme },
  { title: "Answers", cell: ({ mode }) => MODE_TITLES[mode] },
  { title: "Size", cell: ({ nodes }) => (nodes === 1 ? "1 node" : `${nodes} nodes`) },
  {
    title: "Changed",
    cell: ({ updated_at }) => (
      <time dateTime={updated_at} title={exactTime(updated_at)}>
        {fromNow(updated_at)}
      </time>
    ),
  },
];

interface Created {
  id: string;
  secret: string;
}

function NewWorkflow({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [id, setId] = useState("");
  const [created, setCreated] = useState<Created | null>(null);
  const create = useAction(async () => {
    const input = {
      ...(id === "" ? {} : { id }),
      name,
      nodes: [newNode("set", [])],
    };
    setCreated(await call<Created>("POST", "/v1/workflows", input));
    say("Saved");
  });
  if (created !== null) return <SecretOnce created={created} onClose={onClose} />;
  const errors = create.refused?.errors ?? [];
  return (
    <Dialog title="Add a workflow" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.run();
        }}
      >
        <Field label="Name" error={errorOf(errors, "name")}>
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              required
              autoFocus
              maxLength={200}
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          )}
        </Field>
        <Field
          label="Id (optional)"
          hint="The end of its URL: letters, digits, _ and -. It cannot be changed later."
          error={errorOf(errors, "id")}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              maxLength={64}
              spellcheck={false}
              autocomplete="off"
              value={id}
              onInput={({ currentTarget }) => setId(currentTarget.value)}
            />
          )}
        </Field>
        {create.refused && <Trouble refused={create.refused} />}
        <div class="actions">
          <button type="submit" class="primary" disabled={create.isRunning}>
            Save
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function SecretOnce({ created, onClose }: { created: Created; onClose: () => void }) {
  return (
    <Dialog title="Saved. This is its secret" onClose={onClose}>
      <p>The sender signs with it. You can reveal it later too.</p>
      <div class="secret">
        <code data-secret>{created.secret}</code>
        <CopyButton text={created.secret} what="the secret" />
      </div>
      <div class="actions">
        <button
          type="button"
          class="primary"
          autoFocus
          onClick={() => {
            onClose();
            go(hashOf(`/workflows/${created.id}`));
          }}
        >
          Open the workflow
        </button>
        <button type="button" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
