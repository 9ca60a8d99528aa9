// Attempts as they are made: of the owner, or for the operator of everybody. It stands still while somebody
// reads: by Space, by opening a row, by selecting text.
import { Pause, Play } from "lucide";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { LiveAttempt } from "../answers.ts";
import { useStream } from "../live.ts";
import { added, MAX_ROWS, NO_ROWS, paused, resumed, type LiveRows } from "../live-rows.ts";
import { ownerIn, ownerInWords, ownerOfThing, ownOwner, queryOf, searchOf } from "../owner.ts";
import { Attempt } from "../part/attempt.tsx";
import { Icon } from "../part/icon.tsx";
import { Empty, Trouble } from "../part/notice.tsx";
import { OwnerSearch } from "../part/owner-search.tsx";
import { Page } from "../part/page.tsx";
import { PushLines } from "../part/push-lines.tsx";
import { Foreign, Url } from "../part/text.tsx";
import type { Owner } from "../principal.ts";
import { hashOf, replaceRoute, route, type Query } from "../route.ts";
import { areOn } from "../shortcuts.ts";
import type { StreamMode } from "../stream.ts";

const OUTCOMES: readonly [value: string, title: string][] = [
  ["", "All outcomes"],
  ["failed", "Failed"],
  ["delivered", "Delivered"],
  ["retry", "Failed, retried"],
  ["parked", "Parked"],
];

/** What the last second had. */
interface Second {
  delivered: number;
  retry: number;
  parked: number;
  shown: number;
}

export function LivePage() {
  const { query } = route.value;
  const owner = ownerIn(query);
  const filter: Query = {
    ...(ownOwner.value ? {} : queryOf(owner)),
    webhook_id: query.webhook_id,
    outcome: query.outcome,
    event: query.event,
  };
  const search = searchOf(filter);
  return (
    <Page title="Live">
      <p>
        Attempts appear here as they are made. To pause the list, press Space, open an attempt or
        select text.
      </p>
      {ownOwner.value === null && (
        <OwnerSearch
          key={searchOf(queryOf(owner))}
          owner={owner}
          to="/live"
          hint="Leave it empty to see everybody's."
        />
      )}
      <Filters query={query} />
      <Attempts
        key={search}
        search={search}
        owner={owner}
        isOfAll={owner === null && !query.webhook_id}
      />
    </Page>
  );
}

function Filters({ query }: { query: Readonly<Record<string, string>> }) {
  const [event, setEvent] = useState(query.event ?? "");
  const change = (changed: Query) => replaceRoute(hashOf("/live", { ...query, ...changed }));
  return (
    <form
      class="bar"
      onSubmit={(submitted) => {
        submitted.preventDefault();
        change({ event: event.trim() });
      }}
    >
      <select
        aria-label="Outcome"
        value={query.outcome ?? ""}
        onChange={({ currentTarget }) => change({ outcome: currentTarget.value })}
      >
        {OUTCOMES.map(([value, title]) => (
          <option value={value}>{title}</option>
        ))}
      </select>
      <input
        type="search"
        aria-label="Event type"
        placeholder="file.created or file.*"
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        maxLength={130}
        value={event}
        onInput={({ currentTarget }) => setEvent(currentTarget.value)}
      />
      <button type="submit">Filter</button>
      {query.webhook_id && (
        <a class="chip" href={hashOf("/live", { ...query, webhook_id: undefined })}>
          webhook: <Foreign text={query.webhook_id} />
          <span aria-hidden="true"> ×</span>
          <span class="unseen"> (drop this filter)</span>
        </a>
      )}
    </form>
  );
}

interface AttemptsProps {
  search: string;
  owner: Owner | null;
  /** And of no single webhook either. */
  isOfAll: boolean;
}

function Attempts({ search, owner, isOfAll }: AttemptsProps) {
  const [rows, setRows] = useState<LiveRows>(NO_ROWS);
  const [second, setSecond] = useState<Second | null>(null);
  const [isIncomplete, setIncomplete] = useState(false);
  const add = useFrames((attempts: LiveAttempt[]) => setRows((last) => added(last, attempts)));
  const { mode, refused } = useStream(search, (event, data) => {
    if (event === "attempt") add(data as LiveAttempt);
    else if (event === "second") setSecond(data as Second);
    else if (event === "dropped" || (event === "skipped" && rows.shown.length > 0)) {
      setIncomplete(true);
    }
  });
  const hold = useCallback(() => setRows(paused), []);
  const goOn = useCallback(() => setRows(resumed), []);
  const list = useRef<HTMLDivElement>(null);
  useSpace(rows.isPaused ? goOn : hold);
  useReading(list, hold);
  const toggle = rows.isPaused ? goOn : hold;
  return (
    <>
      <div class="bar">
        <button type="button" onClick={toggle} aria-pressed={rows.isPaused}>
          <Icon of={rows.isPaused ? Play : Pause} />
          {rows.isPaused ? `Resume, ${rows.held.length} new` : "Pause"}
        </button>
        <span class="muted" role="status">
          {rows.isPaused ? "Paused" : MODES[mode]}
        </span>
        {isOfAll && second && <span class="muted">{rateInWords(second)}</span>}
      </div>
      {isIncomplete && (
        <p class="muted">Some attempts are not shown: there were more than this page could take.</p>
      )}
      {refused && <Trouble refused={refused} />}
      {rows.shown.length === 0 && !refused && (
        <Empty title="No attempt since this page was opened">
          <p>Push an event, and its attempt appears here by itself.</p>
          <PushLines
            owner={owner ?? { kind: "user", id: "u_1" }}
            type="file.created"
            data='{"file_id":"f_1"}'
          />
        </Empty>
      )}
      <div ref={list}>
        {rows.shown.map((attempt) => (
          <Attempt
            key={attempt.delivery_id}
            entry={attempt}
            onRedelivered={goOn}
            about={<About attempt={attempt} />}
          />
        ))}
      </div>
      {rows.shown.length === MAX_ROWS && <p class="muted">The newest {MAX_ROWS} are kept.</p>}
    </>
  );
}

const MODES: Record<StreamMode, string> = {
  connecting: "Connecting …",
  live: "Live",
  asking: "Every two seconds: other tabs of this browser are live, or a proxy withholds the stream",
  away: "Waiting for Fluxhook",
  full: "Fluxhook has as many viewers as it may have; this page tries again by itself",
};

/** Whose it is, and where it went. */
function About({ attempt }: { attempt: LiveAttempt }) {
  return (
    <span class="muted about">
      {ownOwner.value === null && (
        <>
          <Foreign text={ownerInWords(ownerOfThing(attempt))} />
          {" · "}
        </>
      )}
      <Url url={attempt.endpoint} />
    </span>
  );
}

function rateInWords({ delivered, retry, parked, shown }: Second): string {
  const all = delivered + retry + parked;
  if (all <= shown) return `${all} a second`;
  const format = (count: number) => count.toLocaleString("en");
  return `Shown ${format(shown)} of ${format(all)} a second: a sample, failures first`;
}

function isOpened({ target }: Event): boolean {
  return target instanceof HTMLDetailsElement && target.open;
}

/** Collects what comes, and paints once a frame. */
function useFrames<T>(paint: (items: T[]) => void): (item: T) => void {
  const waiting = useRef<T[]>([]);
  const frame = useRef(0);
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return useCallback((item: T) => {
    waiting.current.push(item);
    if (waiting.current.length > 1) return;
    frame.current = requestAnimationFrame(() => latest.current(waiting.current.splice(0)));
  }, []);
}

/** Space pauses and goes on, unless it means something to what has the focus. */
function useSpace(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.key !== " " || !areOn.value || event.ctrlKey || event.metaKey || event.altKey)
        return;
      const { target } = event;
      const isTaken =
        target instanceof HTMLElement &&
        target.closest("a, button, input, select, summary, textarea, pre") !== null;
      if (isTaken || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      latest.current();
    }
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

/** Somebody reads: a row was opened, or text in the list is selected. */
function useReading(list: { current: HTMLElement | null }, onReading: () => void): void {
  useEffect(() => {
    const { current } = list;
    const onToggle = (event: Event) => isOpened(event) && onReading();
    function onSelection(): void {
      const selection = document.getSelection();
      const isText = selection !== null && !selection.isCollapsed;
      if (isText && current?.contains(selection.anchorNode)) onReading();
    }
    // A toggle does not bubble.
    current?.addEventListener("toggle", onToggle, { capture: true });
    document.addEventListener("selectionchange", onSelection);
    return () => {
      current?.removeEventListener("toggle", onToggle, { capture: true });
      document.removeEventListener("selectionchange", onSelection);
    };
  }, []);
}
