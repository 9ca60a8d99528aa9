// The webhooks of everybody, for the operator: page by page, narrowed by state.
import { useState } from "preact/hooks";
import type { Webhook } from "../../../wire/webhook.ts";
import type { Page as ListPage } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { ownerInWords, ownerOfThing, queryOf, searchOf } from "../owner.ts";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { Table, type Column } from "../part/table.tsx";
import { Foreign } from "../part/text.tsx";
import { WEBHOOK_COLUMNS } from "../part/webhook-columns.tsx";
import { hashOf, route } from "../route.ts";

const EVERY_MS = 5_000;
const AT_ONCE = 50;

const STATES: readonly [state: string, title: string][] = [
  ["", "All"],
  ["failing", "Failing"],
  ["disabled", "Disabled"],
];

export function AllWebhooks() {
  const { state = "" } = route.value.query;
  const [cursor, setCursor] = useState<{ of: string; at: string } | null>(null);
  const at = cursor?.of === state ? cursor.at : undefined;
  const path = `/v1/webhooks${searchOf({ state, limit: String(AT_ONCE), cursor: at })}`;
  const { data, refused, reload } = useLoad(
    path,
    (signal) => call<ListPage<"webhooks", Webhook>>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
  const rows = data?.webhooks ?? [];
  const next = data?.next_cursor ?? null;
  return (
    <>
      <ul class="chips" aria-label="By state">
        {STATES.map(([value, title]) => (
          <li>
            <a
              class="chip"
              href={hashOf("/webhooks", { state: value })}
              aria-current={value === state ? "true" : undefined}
            >
              {title}
            </a>
          </li>
        ))}
      </ul>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the webhooks" />}
      {data !== undefined && rows.length === 0 && <Nothing state={state} hasMore={next !== null} />}
      {rows.length > 0 && (
        <Table label="Webhooks" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
      )}
      <p class="actions">
        {at !== undefined && (
          <button type="button" onClick={() => setCursor(null)}>
            First page
          </button>
        )}
        {next !== null && (
          <button type="button" onClick={() => setCursor({ of: state, at: next })}>
            Next page
          </button>
        )}
      </p>
    </>
  );
}

function Nothing({ state, hasMore }: { state: string; hasMore: boolean }) {
  if (hasMore) return <p>None on this page. Next page looks further.</p>;
  if (state !== "") return <Empty title={`No webhook is ${state}`} />;
  return (
    <Empty title="No webhook yet">
      <p>
        Webhooks belong to a user or to an organisation: enter an id above to add one. Your
        application adds them with <code>POST /v1/webhooks</code>.
      </p>
    </Empty>
  );
}

const OWNER: Column<Webhook> = {
  title: "Owner",
  cell: (webhook) => (
    <a class="owner" href={hashOf("/webhooks", queryOf(ownerOfThing(webhook)))}>
      <Foreign text={ownerInWords(ownerOfThing(webhook))} />
    </a>
  ),
};

const [MAIN, ...REST] = WEBHOOK_COLUMNS;
const COLUMNS: readonly Column<Webhook>[] = [...(MAIN ? [MAIN] : []), OWNER, ...REST];
