// Parked deliveries: how many for which reason, the rows, redeliver one or all that match.
import { useState } from "preact/hooks";
import type { Page as ListPage, ParkedDelivery, ParkedSummary } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { ownerIn, ownerInWords, ownerOfThing, ownOwner, queryOf, searchOf } from "../owner.ts";
import { RedeliverButton } from "../part/redeliver-button.tsx";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { OwnerSearch } from "../part/owner-search.tsx";
import { Page } from "../part/page.tsx";
import { RedeliverMany } from "../part/redeliver-many.tsx";
import { Table, type Column } from "../part/table.tsx";
import { Foreign, Id } from "../part/text.tsx";
import { hashOf, route, type Query } from "../route.ts";
import { mayWrite } from "../session.ts";
import { exactTime, fromNow } from "../time.ts";
import { reasonInWords } from "../words.ts";

const EVERY_MS = 3_000;

export function Parked() {
  const { query } = route.value;
  const owner = ownerIn(query);
  const [cursor, setCursor] = useState<{ before: string; at: string } | null>(null);
  const filter: Query = {
    ...(ownOwner.value ? {} : queryOf(owner)),
    webhook_id: query.webhook_id,
    reason: query.reason,
    event: query.event,
  };
  const search = searchOf(filter);
  const at = cursor?.before === search ? cursor.at : undefined;
  const path = `/v1/parked${searchOf({ ...filter, cursor: at })}`;
  const list = useLoad(
    path,
    (signal) => call<ListPage<"parked", ParkedDelivery>>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
  const summary = useSummary(ownOwner.value ? {} : queryOf(owner));
  const [isRedelivering, setRedelivering] = useState(false);
  const rows = list.data?.parked ?? [];
  const isNarrow = ownOwner.value !== null || owner !== null || Boolean(query.webhook_id);
  const reload = () => {
    list.reload();
    summary.reload();
  };
  return (
    <Page title="Parked deliveries">
      <p>
        Deliveries are parked when all their attempts have failed, when their webhook is disabled,
        or when its address is not allowed. They are not sent again by themselves.
      </p>
      {ownOwner.value === null && (
        <OwnerSearch
          key={searchOf(queryOf(owner))}
          owner={owner}
          to="/parked"
          hint="Leave it empty to see everybody's."
        />
      )}
      {summary.data && <Counts summary={summary.data} query={query} />}
      <Chosen query={query} />
      {list.refused && <Trouble refused={list.refused} again={list.reload} />}
      {list.data === undefined && list.refused === null && <Waiting what="parked deliveries" />}
      {list.data !== undefined && rows.length === 0 && (
        <Empty title={at ? "No more" : search === "" ? "Nothing is parked" : "None matches"} />
      )}
      {rows.length > 0 && (
        <>
          <p class="bar">
            {!mayWrite.value ? null : isNarrow ? (
              <button type="button" class="primary" onClick={() => setRedelivering(true)}>
                Redeliver all that match
              </button>
            ) : (
              <span class="muted">
                To redeliver many at once, choose a user, an organisation or a webhook.
              </span>
            )}
          </p>
          <Table
            label="Parked deliveries"
            columns={columns(reload)}
            rows={rows}
            keyOf={({ delivery_id }) => delivery_id}
          />
        </>
      )}
      <p class="actions">
        {at && (
          <button type="button" onClick={() => setCursor(null)}>
            Newest
          </button>
        )}
        {list.data?.next_cursor && (
          <button
            type="button"
            onClick={() => setCursor({ before: search, at: list.data?.next_cursor ?? "" })}
          >
            Older
          </button>
        )}
      </p>
      {isRedelivering && (
        <RedeliverMany
          filter={filter}
          matching={matchingIn(summary.data, query)}
          onClose={() => {
            setRedelivering(false);
            reload();
          }}
        />
      )}
    </Page>
  );
}

function useSummary(owner: Query) {
  const path = `/v1/parked/summary${searchOf(owner)}`;
  return useLoad(
    path,
    (signal) => call<ParkedSummary>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
}

/** How many match, where the counts say it. */
function matchingIn(summary: ParkedSummary | undefined, query: Query): number | null {
  if (!summary || query.webhook_id || query.event) return null;
  if (!query.reason) return summary.total;
  return summary.by_reason.find(({ reason }) => reason === query.reason)?.count ?? null;
}

interface CountsProps {
  summary: ParkedSummary;
  query: Query;
}

function Counts({ summary, query }: CountsProps) {
  if (summary.total === 0) return null;
  return (
    <ul class="chips" aria-label="By reason">
      {summary.by_reason.map(({ reason, count }) => {
        const isChosen = query.reason === reason;
        const to = hashOf("/parked", { ...query, reason: isChosen ? undefined : reason });
        return (
          <li>
            <a
              class="chip"
              href={to}
              aria-current={isChosen ? "true" : undefined}
              title={reasonInWords(reason)}
            >
              <strong>{count}</strong> <Foreign text={reason} />
            </a>
          </li>
        );
      })}
    </ul>
  );
}

/** What narrows the list beside the owner, each with a way to drop it. */
function Chosen({ query }: { query: Query }) {
  const names = ["webhook_id", "reason", "event"].filter((name) => query[name]);
  if (names.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {names.map((name) => (
        <li>
          <a class="chip" href={hashOf("/parked", { ...query, [name]: undefined })}>
            {name === "webhook_id" ? "webhook" : name}: <Foreign text={query[name] ?? ""} />
            <span aria-hidden="true"> ×</span>
            <span class="unseen"> (drop this filter)</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function columns(onRedelivered: () => void): readonly Column<ParkedDelivery>[] {
  const owners: Column<ParkedDelivery> = {
    title: "Owner",
    cell: (row) => (
      <a class="owner" href={hashOf("/webhooks", queryOf(ownerOfThing(row)))}>
        <Foreign text={ownerInWords(ownerOfThing(row))} />
      </a>
    ),
  };
  return [
    {
      title: "Event",
      isMain: true,
      cell: ({ event, id }) => (
        <>
          <strong>
            <Foreign text={event ?? "unreadable event"} />
          </strong>{" "}
          <Id text={id} />
        </>
      ),
    },
    {
      title: "Why",
      cell: ({ reason }) => <Foreign text={reasonInWords(reason) || "unknown"} />,
    },
    {
      title: "Webhook",
      cell: ({ webhook_id }) => (
        <a href={hashOf(`/webhooks/${webhook_id}`)} data-row>
          <Id text={webhook_id} />
        </a>
      ),
    },
    ...(ownOwner.value === null ? [owners] : []),
    {
      title: "Parked",
      cell: ({ parked_at, expires_at }) => (
        <time
          dateTime={parked_at}
          title={`${exactTime(parked_at)}; kept until ${exactTime(expires_at)}`}
        >
          {fromNow(parked_at)}
        </time>
      ),
    },
    {
      title: "Redeliver",
      isUntitled: true,
      cell: ({ delivery_id }) => (
        <RedeliverButton deliveryId={delivery_id} onDone={onRedelivered} />
      ),
    },
  ];
}
