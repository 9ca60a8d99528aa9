// What the search box has found. If it is one thing, its page opens at once.
import { useEffect } from "preact/hooks";
import type { Found } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { ownerInWords, ownerOfThing, ownOwner, queryOf } from "../owner.ts";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { Foreign, Id, Url } from "../part/text.tsx";
import { hashOf, replaceRoute, route } from "../route.ts";

interface Answer {
  found: Found[];
  partial: boolean;
}

export function SearchPage() {
  const q = route.value.query.q ?? "";
  const { data, refused, reload } = useLoad(q, (signal) =>
    call<Answer>("GET", `/v1/search?q=${encodeURIComponent(q)}`, undefined, { signal }),
  );
  const [only] = data?.found ?? [];
  const target = data?.found.length === 1 && !data.partial && only ? targetOf(only) : null;
  useEffect(() => {
    // In place of this page: Back leads to where the search was begun.
    if (target !== null) replaceRoute(target);
  }, [target]);
  return (
    <Page title="Search">
      <p>
        <Foreign text={q} />
      </p>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="what is found" />}
      {data?.found.length === 0 && (
        <Empty title="Nothing found">
          <p>
            Enter a whole id: of a webhook (wh_…), a user, an organisation or a delivery, or of an
            event while one of its deliveries is parked. Of a webhook's URL or description, a part
            is enough.
          </p>
          {ownOwner.value === null && isOwnerId(q) && (
            <p>
              Nothing is known yet of a user or an organisation with this id. Add a webhook for{" "}
              <a href={hashOf("/webhooks", { user_id: q })}>the user</a> or{" "}
              <a href={hashOf("/webhooks", { org_id: q })}>the organisation</a>.
            </p>
          )}
        </Empty>
      )}
      {data && data.found.length > 0 && (
        <ul class="found" aria-label="Found">
          {data.found.map((one) => (
            <li>
              <a data-row href={targetOf(one)}>
                <OneFound found={one} />
              </a>
            </li>
          ))}
        </ul>
      )}
      {data?.partial && (
        <p class="muted">
          There may be more: a part of a URL is looked for in the first 2,000 webhooks. Enter more
          of it, or an id.
        </p>
      )}
    </Page>
  );
}

function OneFound({ found }: { found: Found }) {
  const owner =
    ownOwner.value === null ? (
      <span class="muted">
        <Foreign text={ownerInWords(ownerOfThing(found))} />
      </span>
    ) : null;
  switch (found.kind) {
    case "webhook":
      return (
        <>
          <span>Webhook</span> <Url url={found.url ?? ""} /> {owner}
        </>
      );
    case "owner":
      return (
        <>
          <strong>
            <Foreign text={ownerInWords(ownerOfThing(found))} />
          </strong>{" "}
          <span class="muted">
            {found.webhooks} webhooks, {found.attempts} attempts in the log
          </span>
        </>
      );
    default:
      return (
        <>
          <span>{found.kind === "event" ? "Event" : "Delivery"}</span>{" "}
          <Id text={(found.kind === "event" ? found.id : found.delivery_id) ?? ""} />{" "}
          {found.state && <span class="muted">{found.state}</span>} {owner}
        </>
      );
  }
}

/** The API judges it; here it only decides what is offered. */
function isOwnerId(text: string): boolean {
  return /^[^\s{}]{1,128}$/.test(text);
}

/** The page of what was found. */
function targetOf(found: Found): string {
  const owner = ownOwner.value ? {} : queryOf(ownerOfThing(found));
  switch (found.kind) {
    case "owner":
      return hashOf("/webhooks", owner);
    case "webhook":
      return hashOf(`/webhooks/${found.webhook_id ?? ""}`);
    default:
      return hashOf(`/deliveries/${found.delivery_id ?? ""}`);
  }
}
