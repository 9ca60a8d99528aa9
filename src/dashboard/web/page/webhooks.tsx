// An owner's webhooks; for the operator those of everybody, until an owner is chosen.
import { Plus } from "lucide";
import { useState } from "preact/hooks";
import type { Webhook } from "../../../wire/webhook.ts";
import type { Page as ListPage } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { ownerIn, ownerInWords, ownOwner, queryOf, searchOf } from "../owner.ts";
import { Icon } from "../part/icon.tsx";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { OwnerSearch } from "../part/owner-search.tsx";
import { Page } from "../part/page.tsx";
import { Table } from "../part/table.tsx";
import { Foreign } from "../part/text.tsx";
import { WEBHOOK_COLUMNS } from "../part/webhook-columns.tsx";
import { Writes } from "../part/writes.tsx";
import { route } from "../route.ts";
import type { Owner } from "../principal.ts";
import { AllWebhooks } from "./all-webhooks.tsx";
import { WebhookForm } from "./webhook-form.tsx";

const EVERY_MS = 5_000;

export function Webhooks() {
  const owner = ownerIn(route.value.query);
  return (
    <Page title="Webhooks">
      {ownOwner.value === null && (
        <OwnerSearch
          key={searchOf(queryOf(owner))}
          owner={owner}
          to="/webhooks"
          hint="Leave it empty to see everybody's. To add a webhook, name its owner."
        />
      )}
      {owner === null ? (
        <AllWebhooks />
      ) : (
        <OwnersWebhooks key={searchOf(queryOf(owner))} owner={owner} />
      )}
    </Page>
  );
}

function OwnersWebhooks({ owner }: { owner: Owner }) {
  const [isAdding, setAdding] = useState(false);
  const [filter, setFilter] = useState("");
  const search = searchOf(queryOf(owner));
  const { data, refused, reload } = useLoad(
    search,
    (signal) =>
      call<ListPage<"webhooks", Webhook>>("GET", `/v1/webhooks${search}`, undefined, { signal }),
    EVERY_MS,
  );
  const all = data?.webhooks ?? [];
  const shown = all.filter(({ url, description, id }) =>
    `${url} ${description} ${id}`.toLowerCase().includes(filter.toLowerCase()),
  );
  return (
    <>
      <div class="bar">
        {ownOwner.value === null && (
          <h2>
            Of <Foreign text={ownerInWords(owner)} />
          </h2>
        )}
        {all.length > 1 && (
          <input
            type="search"
            data-search
            placeholder="Filter by URL or description"
            aria-label="Filter by URL or description"
            value={filter}
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        )}
        <Writes>
          <button type="button" class="primary" onClick={() => setAdding(true)}>
            <Icon of={Plus} />
            Add a webhook
          </button>
        </Writes>
      </div>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the webhooks" />}
      {data !== undefined && all.length === 0 && (
        <Empty title="No webhook yet">
          <p>
            A webhook is a URL of yours. Fluxhook sends a signed POST request to it for each event
            that you tick.
          </p>
        </Empty>
      )}
      {shown.length > 0 && (
        <Table label="Webhooks" columns={WEBHOOK_COLUMNS} rows={shown} keyOf={({ id }) => id} />
      )}
      {all.length > 0 && shown.length === 0 && <p>None of {all.length} webhooks matches.</p>}
      {isAdding && <WebhookForm owner={owner} onClose={() => setAdding(false)} onSaved={reload} />}
    </>
  );
}
