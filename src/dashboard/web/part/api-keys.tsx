// The API keys of an owner: make, list, revoke. A new one is shown once.
import { useState } from "preact/hooks";
import type { ApiKey, Token } from "../../../sdk/api-types.ts";
import { call } from "../client.ts";
import { useAction, useLoad } from "../load.ts";
import { ownOwner, queryOf, searchOf } from "../owner.ts";
import type { Owner } from "../principal.ts";
import { say } from "../said.ts";
import { session } from "../session.ts";
import { exactTime, fromNow } from "../time.ts";
import { CodeLine } from "./code.tsx";
import { Confirm } from "./dialog.tsx";
import { errorOf, Field } from "./field.tsx";
import { Empty, Trouble, Waiting } from "./notice.tsx";
import { Table, type Column } from "./table.tsx";
import { Foreign } from "./text.tsx";
import { Writes } from "./writes.tsx";

export function ApiKeys({ owner }: { owner: Owner }) {
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const search = searchOf(ownOwner.value ? {} : queryOf(owner));
  const { data, refused, reload } = useLoad(search, (signal) =>
    call<{ tokens: ApiKey[] }>("GET", `/v1/tokens${search}`, undefined, { signal }),
  );
  const keys = data?.tokens ?? [];
  return (
    <>
      {session.value?.mayMakeKeys && <NewKey owner={owner} onMade={reload} />}
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the API keys" />}
      {data !== undefined && keys.length === 0 && (
        <Empty title="No API key">
          <p>An API key lets a server manage these webhooks. It does not expire.</p>
        </Empty>
      )}
      {keys.length > 0 && (
        <Table label="API keys" columns={columns(setRevoking)} rows={keys} keyOf={({ id }) => id} />
      )}
      {revoking && (
        <Confirm
          title="Revoke the API key"
          verb="Revoke it"
          onClose={() => setRevoking(null)}
          act={async () => {
            await call("DELETE", `/v1/tokens/${revoking.id}`);
            say("Revoked");
            reload();
          }}
        >
          <p>
            Whatever uses <Foreign text={revoking.name} /> is refused from now on. This cannot be
            undone.
          </p>
        </Confirm>
      )}
    </>
  );
}

function columns(onRevoke: (key: ApiKey) => void): readonly Column<ApiKey>[] {
  return [
    { title: "Name", isMain: true, cell: ({ name }) => <Foreign text={name} /> },
    { title: "May", cell: ({ read_only }) => (read_only ? "read" : "read and change") },
    { title: "Made", cell: ({ created_at }) => <Time of={created_at} /> },
    {
      title: "Last used",
      cell: ({ last_used_at }) => (last_used_at === null ? "never" : <Time of={last_used_at} />),
    },
    {
      title: "Revoke",
      isUntitled: true,
      cell: (key) => (
        <Writes>
          <button type="button" onClick={() => onRevoke(key)}>
            Revoke
            <span class="unseen">
              {" "}
              <Foreign text={key.name} />
            </span>
          </button>
        </Writes>
      ),
    },
  ];
}

function Time({ of }: { of: string }) {
  return (
    <time dateTime={of} title={exactTime(of)}>
      {fromNow(of)}
    </time>
  );
}

function NewKey({ owner, onMade }: { owner: Owner; onMade: () => void }) {
  const [name, setName] = useState("");
  const [readOnly, setReadOnly] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  const make = useAction(async () => {
    setMade(null);
    const input = { ...queryOf(owner), name: name.trim(), read_only: readOnly, expires_in_s: null };
    setMade(await call<Token>("POST", "/v1/tokens", input));
    setName("");
    say("The API key is made");
    onMade();
  });
  return (
    <>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          make.run();
        }}
      >
        <Field
          label="Name of a new key"
          hint="What will use it: you tell keys apart by it."
          error={errorOf(make.refused?.errors ?? [], "name")}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              required
              maxLength={100}
              autocomplete="off"
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          )}
        </Field>
        <label class="tick">
          <input
            type="checkbox"
            checked={readOnly}
            onChange={({ currentTarget }) => setReadOnly(currentTarget.checked)}
          />
          The key may only read
        </label>
        {make.refused && <Trouble refused={make.refused} />}
        <div class="actions">
          <button type="submit" class="primary" disabled={make.isRunning}>
            Make an API key
          </button>
        </div>
      </form>
      {made && (
        <section aria-label="The new API key">
          <p>This is the key. It is not shown again.</p>
          <CodeLine text={made.token} what="the key" />
        </section>
      )}
    </>
  );
}
