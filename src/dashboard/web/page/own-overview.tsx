// The portal's overview: the owner's webhooks that need a hand, what waits, and the last attempts.
import { CircleCheck, TriangleAlert } from "lucide";
import type { Webhook } from "../../../wire/webhook.ts";
import type { Page as ListPage, ParkedSummary } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { amount } from "../overview-figures.ts";
import { Attempts } from "../part/attempts.tsx";
import { Icon } from "../part/icon.tsx";
import { Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { Health, State } from "../part/state.tsx";
import { Tile } from "../part/tile.tsx";
import { Url } from "../part/text.tsx";
import type { Owner } from "../principal.ts";
import { hashOf } from "../route.ts";

const EVERY_MS = 5_000;

export function OwnOverview({ owner }: { owner: Owner }) {
  const webhooks = useLoad(
    "own-webhooks",
    (signal) => call<ListPage<"webhooks", Webhook>>("GET", "/v1/webhooks", undefined, { signal }),
    EVERY_MS,
  );
  const parked = useLoad(
    "own-parked",
    (signal) => call<ParkedSummary>("GET", "/v1/parked/summary", undefined, { signal }),
    EVERY_MS,
  );
  const all = webhooks.data?.webhooks;
  return (
    <Page title="Overview">
      {webhooks.refused && <Trouble refused={webhooks.refused} again={webhooks.reload} />}
      {parked.refused && <Trouble refused={parked.refused} again={parked.reload} />}
      {all === undefined && webhooks.refused === null && <Waiting what="your webhooks" />}
      {all && (
        <>
          <OwnNeeds webhooks={all} />
          <ul class="tiles" aria-label="Now">
            <Tile to="/webhooks" value={amount(all.length)} what="webhooks" />
            <Tile
              to="/webhooks"
              value={amount(all.filter(isFailing).length)}
              what="failing"
              isBad={all.some(isFailing)}
            />
            <Tile
              to="/parked"
              value={parked.data === undefined ? "–" : amount(parked.data.total)}
              what="parked: redeliver them after the fix"
            />
          </ul>
        </>
      )}
      <Attempts owner={owner} />
    </Page>
  );
}

function OwnNeeds({ webhooks }: { webhooks: readonly Webhook[] }) {
  const needing = webhooks.filter((webhook) => isFailing(webhook) || isBroken(webhook));
  if (needing.length === 0) {
    return (
      <section class="needs ok" aria-label="Needs you">
        <Icon of={CircleCheck} />
        <p>Nothing needs you.</p>
      </section>
    );
  }
  return (
    <section class="needs" aria-labelledby="needs">
      <h2 id="needs">Needs you</h2>
      <ul>
        {needing.map((webhook) => (
          <li key={webhook.id}>
            <Icon of={TriangleAlert} />
            <span>
              <Url url={webhook.url} />{" "}
              {isBroken(webhook) ? <State webhook={webhook} /> : <Health health={webhook.health} />}
            </span>
            <a class="button" href={hashOf(`/webhooks/${webhook.id}`)}>
              See why
              <span class="unseen">: {webhook.url}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function isFailing({ enabled, health }: Webhook): boolean {
  return enabled && health.consecutive_failures > 0;
}

/** What the owner has disabled is as the owner wants it. */
function isBroken({ enabled, disabled_reason: reason }: Webhook): boolean {
  return !enabled && reason !== "manual";
}
