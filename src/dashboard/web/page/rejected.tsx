// Elements that were no valid events: why, and their bytes; back onto their list when that is mended.
import { useState } from "preact/hooks";
import type { Page as ListPage, Rejected } from "../answers.ts";
import { call } from "../client.ts";
import { hexDump } from "../hex-dump.ts";
import { useAction, useLoad } from "../load.ts";
import { JsonText } from "../part/code.tsx";
import { Confirm } from "../part/dialog.tsx";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { Writes } from "../part/writes.tsx";
import { mayWrite } from "../session.ts";
import { Foreign, Id } from "../part/text.tsx";
import { say } from "../said.ts";
import { exactTime, fromNow } from "../time.ts";
import { rejectionInWords } from "../words.ts";

const EVERY_MS = 5_000;
const AT_ONCE = 100;

export function RejectedPage() {
  const [cursor, setCursor] = useState("");
  const path = `/v1/rejected?limit=20${cursor === "" ? "" : `&cursor=${cursor}`}`;
  const { data, refused, reload } = useLoad(
    path,
    (signal) => call<ListPage<"rejected", Rejected>>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
  const [isRequeueing, setRequeueing] = useState(false);
  const rows = data?.rejected ?? [];
  return (
    <Page
      title="Rejected elements"
      actions={
        rows.length > 0 &&
        mayWrite.value && (
          <button type="button" onClick={() => setRequeueing(true)}>
            Requeue all
          </button>
        )
      }
    >
      <p>
        Elements that are not valid events are kept here with all their bytes. Fix the producer or a
        setting, then requeue them.
      </p>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="rejected elements" />}
      {data !== undefined && rows.length === 0 && (
        <Empty title={cursor === "" ? "Nothing was rejected" : "No more"} />
      )}
      {rows.map((row) => (
        <Row key={row.id} row={row} onRequeued={reload} />
      ))}
      <p class="actions">
        {cursor !== "" && (
          <button type="button" onClick={() => setCursor("")}>
            Newest
          </button>
        )}
        {data?.next_cursor && (
          <button type="button" onClick={() => setCursor(data.next_cursor ?? "")}>
            Older
          </button>
        )}
      </p>
      {isRequeueing && <RequeueAll onClose={() => setRequeueing(false)} onDone={reload} />}
    </Page>
  );
}

function Row({ row, onRequeued }: { row: Rejected; onRequeued: () => void }) {
  const requeue = useAction(async () => {
    const answer = await call<{ requeued: number }>("POST", "/v1/rejected/requeue", {
      ids: [row.id],
    });
    say(answer.requeued === 1 ? "Requeued" : "Not requeued: it is not kept whole, or has gone");
    onRequeued();
  });
  return (
    <details class="attempt">
      <summary data-row>
        <strong>{rejectionInWords(row.reason)}</strong>
        <span class="event">{row.field !== null && <Id text={row.field} />}</span>
        <span class="muted">
          <Foreign text={row.queue ?? ""} />
        </span>
        <span class="muted">{row.size} bytes</span>
        {row.rejected_at && (
          <time dateTime={row.rejected_at} title={exactTime(row.rejected_at)} class="muted">
            {fromNow(row.rejected_at)}
          </time>
        )}
      </summary>
      <div class="opened">
        <p>
          <Foreign text={row.message} />
        </p>
        <Bytes row={row} />
        <Writes>
          <p class="bar">
            <button type="button" onClick={requeue.run} disabled={requeue.isRunning}>
              Requeue this one
            </button>
          </p>
        </Writes>
        {requeue.refused && <Trouble refused={requeue.refused} />}
      </div>
    </details>
  );
}

function Bytes({ row: { field, raw, raw_base64: base64 } }: { row: Rejected }) {
  if (raw !== undefined) return <JsonText text={raw} what="the element" mark={field} />;
  if (base64 === undefined) return <p>Its bytes are not kept.</p>;
  return (
    <>
      <p>It is not UTF-8. As hexadecimal:</p>
      <pre tabIndex={0}>{hexDump(base64)}</pre>
    </>
  );
}

function RequeueAll({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  return (
    <Confirm
      title="Requeue all"
      verb="Requeue all"
      onClose={onClose}
      act={async () => {
        let requeued = 0;
        let total = Number.POSITIVE_INFINITY;
        // What is still no event is rejected again, so only as many as there are now.
        while (requeued < total) {
          const limit = Math.min(AT_ONCE, total - requeued);
          const answer = await call<{ requeued: number; remaining: number }>(
            "POST",
            "/v1/rejected/requeue",
            { all: true, limit },
          );
          if (total === Number.POSITIVE_INFINITY) total = answer.requeued + answer.remaining;
          requeued += answer.requeued;
          if (answer.requeued === 0) break;
        }
        say(`${requeued} requeued`);
        onDone();
      }}
    >
      <p>
        All of them are pushed onto the lists that they came from, the oldest first. What is still
        no valid event is rejected again.
      </p>
    </Confirm>
  );
}
