// What waits for one webhook, on its page.
import { useState } from "preact/hooks";
import type { Webhook } from "../../../wire/webhook.ts";
import type { Page, ParkedDelivery } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { ownerOfThing, ownOwner, queryOf, searchOf } from "../owner.ts";
import { hashOf } from "../route.ts";
import { Trouble } from "./notice.tsx";
import { RedeliverMany } from "./redeliver-many.tsx";
import { Writes } from "./writes.tsx";

const EVERY_MS = 2_000;
/** The API's largest page. */
const LIMIT = 100;

export function ParkedOfWebhook({ webhook }: { webhook: Webhook }) {
  const [isOpen, setOpen] = useState(false);
  const owner = ownOwner.value ? {} : queryOf(ownerOfThing(webhook));
  const filter = { ...owner, webhook_id: webhook.id };
  const path = `/v1/parked${searchOf({ ...filter, limit: String(LIMIT) })}`;
  const { data, refused, reload } = useLoad(
    path,
    (signal) => call<Page<"parked", ParkedDelivery>>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
  const count = data?.parked.length ?? 0;
  if (refused) return <Trouble refused={refused} again={reload} />;
  if (count === 0) return null;
  const shown = data?.next_cursor ? `more than ${count}` : String(count);
  return (
    <section aria-label="Parked">
      <h2>Parked</h2>
      <p class="bar">
        <a href={hashOf("/parked", filter)}>{shown} parked</a>
        <span class="muted">
          They are kept for a while, and sent again only if you redeliver them.
        </span>
        <Writes>
          {webhook.enabled ? (
            <button type="button" onClick={() => setOpen(true)}>
              Redeliver them
            </button>
          ) : (
            <span>Enable the webhook to redeliver them.</span>
          )}
        </Writes>
      </p>
      {isOpen && (
        <RedeliverMany
          filter={{ webhook_id: webhook.id }}
          matching={data?.next_cursor ? null : count}
          onClose={() => {
            setOpen(false);
            reload();
          }}
        />
      )}
    </section>
  );
}
