// The operator's first page: what needs a hand and what to press; then numbers, each with the list behind it;
// charts; workers; Valkey.
import { CircleCheck, TriangleAlert } from "lucide";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Series, Stats } from "../../../sdk/api-types.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { adviceOf, age, amount, bytes, milliseconds, nowOf, placeOf } from "../overview-figures.ts";
import { Icon } from "../part/icon.tsx";
import { Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { Tile } from "../part/tile.tsx";
import { Table, type Column } from "../part/table.tsx";
import { Foreign } from "../part/text.tsx";
import { hashOf, route } from "../route.ts";
import { exactTime, fromNow } from "../time.ts";

const EVERY_MS = 2_000;
const SERIES_EVERY_MS = 5_000;
const DAY_EVERY_MS = 30_000;
/** Heartbeats come every 2 s. */
const LATE_S = 6;

type Range = "1h" | "24h";

export function Overview() {
  const stats = useLoad(
    "stats",
    (signal) => call<Stats>("GET", "/v1/stats", undefined, { signal }),
    EVERY_MS,
  );
  const hour = useLoad(
    "series-1h",
    (signal) => call<Series>("GET", "/v1/series?range=1h", undefined, { signal }),
    SERIES_EVERY_MS,
  );
  const { data } = stats;
  const { show } = route.value.query;
  const isThere = data !== undefined;
  useEffect(() => {
    if (isThere && show !== undefined) document.getElementById(show)?.scrollIntoView();
  }, [show, isThere]);
  return (
    <Page title="Overview">
      {stats.refused && <Trouble refused={stats.refused} again={stats.reload} />}
      {data === undefined && stats.refused === null && <Waiting what="the overview" />}
      {data && (
        <>
          <Needs needs={data.needs} />
          <Tiles stats={data} series={hour.data} />
        </>
      )}
      {hour.refused && <Trouble refused={hour.refused} again={hour.reload} />}
      <ChartsOfRange hour={hour.data} />
      {data && (
        <>
          <h2 id="workers">Workers</h2>
          <Table label="Workers" columns={WORKERS} rows={data.workers} keyOf={({ id }) => id} />
          <h2 id="lists">Lists</h2>
          <Table label="Lists" columns={LISTS} rows={data.queues} keyOf={({ name }) => name} />
          <Server valkey={data.valkey} />
        </>
      )}
    </Page>
  );
}

function Needs({ needs }: { needs: Stats["needs"] }) {
  if (needs.length === 0) {
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
        {needs.map((need) => {
          const place = placeOf(need);
          return (
            <li key={`${need.kind} ${need.about}`}>
              <Icon of={TriangleAlert} />
              <span>
                <Foreign text={need.message} />
                {need.since !== null && (
                  <time dateTime={need.since} title={exactTime(need.since)} class="muted">
                    {" "}
                    · {fromNow(need.since)}
                  </time>
                )}
                {place === null && <span class="muted"> {adviceOf(need.kind)}</span>}
              </span>
              {place && (
                <a class="button" href={hashOf(place.to)}>
                  {place.verb}
                  <span class="unseen">: {need.message}</span>
                </a>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Tiles({ stats, series }: { stats: Stats; series: Series | undefined }) {
  const now = series && nowOf(series);
  const sum = (of: (queue: Stats["queues"][number]) => number) =>
    stats.queues.reduce((all, queue) => all + of(queue), 0);
  const oldestS = Math.max(0, ...stats.queues.map((queue) => queue.oldest_age_s));
  const used = stats.workers.reduce((all, { used: one }) => all + (one ?? 0), 0);
  const slots = stats.workers.reduce((all, { slots: one }) => all + (one ?? 0), 0);
  const failing = now?.failing ?? null;
  return (
    <ul class="tiles" aria-label="Now">
      <Tile
        to="/live"
        query={{ outcome: "delivered" }}
        value={now ? `${amount(now.deliveredPerS)}/s` : "–"}
        what="delivered"
      />
      <Tile
        to="/live"
        query={{ outcome: "failed" }}
        value={failing === null ? "–" : `${amount(failing * 100)} %`}
        what="of attempts fail"
        isBad={failing !== null && failing > 0.3}
      />
      <Tile to="/live" value={milliseconds(now?.p95Ms ?? null)} what="attempt, p95" />
      <Tile
        to="/overview"
        query={{ show: "lists" }}
        value={amount(sum(({ depth }) => depth))}
        what={oldestS >= 1 ? `waiting, up to ${age(oldestS)}` : "waiting"}
      />
      <Tile
        to="/live"
        query={{ outcome: "retry" }}
        value={amount(sum(({ scheduled }) => scheduled))}
        what={`to retry, ${amount(sum(({ due }) => due))} due`}
      />
      <Tile to="/parked" value={amount(sum(({ parked }) => parked))} what="parked" />
      <Tile to="/rejected" value={amount(stats.rejected)} what="rejected" />
      <Tile to="/webhooks" value={amount(stats.webhooks.enabled)} what="webhooks enabled" />
      <Tile
        to="/webhooks"
        query={{ state: "disabled" }}
        value={amount(stats.webhooks.disabled)}
        what="webhooks disabled"
      />
      <Tile
        to="/overview"
        query={{ show: "workers" }}
        value={amount(stats.workers.length)}
        what={`${stats.workers.length === 1 ? "worker" : "workers"}, ${amount(used)} of ${amount(slots)} slots`}
      />
    </ul>
  );
}

function ChartsOfRange({ hour }: { hour: Series | undefined }) {
  const [range, setRange] = useState<Range>("1h");
  const day = useLoad(
    `series-${range}`,
    async (signal) =>
      range === "24h"
        ? call<Series>("GET", "/v1/series?range=24h", undefined, { signal })
        : undefined,
    range === "24h" ? DAY_EVERY_MS : 0,
  );
  const shown = range === "1h" ? hour : day.data;
  return (
    <section aria-labelledby="charts">
      <div class="bar">
        <h2 id="charts">Activity</h2>
        <fieldset class="choice">
          <legend class="unseen">How far back</legend>
          {(["1h", "24h"] as const).map((one) => (
            <button type="button" aria-pressed={one === range} onClick={() => setRange(one)}>
              {one === "1h" ? "Last hour" : "Last day"}
            </button>
          ))}
        </fieldset>
      </div>
      {day.refused && <Trouble refused={day.refused} again={day.reload} />}
      {shown ? <LazyCharts series={shown} range={range} /> : <Waiting what="the charts" />}
    </section>
  );
}

/** A chunk of its own: the first number is there before it. */
function LazyCharts(props: { series: Series; range: Range }) {
  const [draw, setDraw] = useState<((of: typeof props) => ComponentChildren) | "failed" | null>(
    null,
  );
  useEffect(() => {
    import("../part/charts.tsx").then(
      ({ Charts }) => setDraw(() => (of: typeof props) => <Charts {...of} />),
      () => setDraw("failed"),
    );
  }, []);
  if (draw === null) return <Waiting what="the charts" />;
  if (draw === "failed") return <p role="alert">The charts did not load. Reload the page.</p>;
  return <>{draw(props)}</>;
}

const WORKERS: readonly Column<Stats["workers"][number]>[] = [
  { title: "Host", isMain: true, cell: ({ host, id }) => <Foreign text={host ?? id} /> },
  { title: "Version", cell: ({ version }) => <Foreign text={version ?? "earlier"} /> },
  {
    title: "Since",
    cell: ({ started_at: since }) =>
      since === null ? "–" : <span title={exactTime(since)}>{fromNow(since)}</span>,
  },
  {
    title: "Slots used",
    cell: ({ used, slots }) => (slots === null ? "–" : `${used ?? 0} of ${slots}`),
  },
  { title: "Claimed", cell: ({ held }) => held ?? "–" },
  {
    title: "Last heartbeat",
    cell: ({ last_beat_s: s }) =>
      s < LATE_S ? `${s} s ago` : <span class="badge bad">{`${s} s ago: late`}</span>,
  },
];

const LISTS: readonly Column<Stats["queues"][number]>[] = [
  { title: "List", isMain: true, cell: ({ name }) => <Foreign text={name} /> },
  { title: "Waiting", cell: ({ depth }) => amount(depth) },
  { title: "Oldest", cell: ({ oldest_age_s: s }) => (s === 0 ? "–" : age(s)) },
  { title: "Ready", cell: ({ ready }) => amount(ready) },
  { title: "To retry", cell: ({ scheduled }) => amount(scheduled) },
  { title: "Due", cell: ({ due }) => amount(due) },
  { title: "Lanes", cell: ({ lanes }) => amount(lanes) },
  {
    title: "Parked",
    cell: ({ parked }) => <a href={hashOf("/parked")}>{amount(parked)}</a>,
  },
];

function Server({ valkey }: { valkey: Stats["valkey"] }) {
  const limit = valkey.maxmemory === null ? "no limit" : `of ${bytes(valkey.maxmemory)}`;
  const file =
    valkey.append_only === null ? "" : valkey.append_only ? " · append-only" : " · not append-only";
  return (
    <>
      <h2>Valkey</h2>
      <p>
        <Foreign text={valkey.version ?? "of an unknown version"} /> · {bytes(valkey.used_memory)},{" "}
        {limit}
        {file} · answers in {milliseconds(valkey.round_trip_ms)}
      </p>
    </>
  );
}
