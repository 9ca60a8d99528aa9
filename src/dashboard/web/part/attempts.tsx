// An owner's last attempts: of one webhook, or of all of them. New ones come by themselves.
import { useState } from "preact/hooks";
import type { LoggedAttempt } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { useStream } from "../live.ts";
import { logsPath, ownOwner, queryOf, searchOf } from "../owner.ts";
import type { Owner } from "../principal.ts";
import { Attempt } from "./attempt.tsx";
import { Empty, Trouble, Waiting } from "./notice.tsx";
import { PushLines } from "./push-lines.tsx";

/** While there is no stream. */
const EVERY_MS = 2_000;

interface AttemptsProps {
  owner: Owner;
  /** If missing, those of all its webhooks. */
  webhookId?: string;
}

export function Attempts({ owner, webhookId }: AttemptsProps) {
  const [isAll, setAll] = useState(false);
  const path = logsPath(owner);
  // The stream tells that there is something new: what is shown is what the log has.
  const { mode } = useStream(searchOf(ownOwner.value ? {} : queryOf(owner)), (event) => {
    if (event === "hello" || event === "attempt" || event === "skipped") reload();
  });
  const { data, refused, reload } = useLoad(
    path,
    (signal) => call<{ logs: LoggedAttempt[] }>("GET", path, undefined, { signal }),
    mode === "live" ? 0 : EVERY_MS,
  );
  const all = data?.logs ?? [];
  const isOfAll = isAll || webhookId === undefined;
  const shown = isOfAll ? all : all.filter((entry) => entry.webhook_id === webhookId);
  const others = all.length - shown.length;
  return (
    <section aria-label="Last attempts">
      <div class="bar">
        <h2>Last attempts</h2>
        {(others > 0 || isAll) && (
          <label class="tick">
            <input
              type="checkbox"
              checked={isAll}
              onChange={({ currentTarget }) => setAll(currentTarget.checked)}
            />
            Include the owner's other webhooks
          </label>
        )}
      </div>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the attempts" />}
      {data !== undefined && shown.length === 0 && (
        <Empty title={others > 0 ? "None among the last ten attempts" : "No attempt yet"}>
          <p>
            The last ten attempts for this owner are kept, for seven days. They appear here by
            themselves.
          </p>
          <PushLines owner={owner} type="file.created" data='{"file_id":"f_1"}' />
        </Empty>
      )}
      {shown.map((entry, at) => (
        <Attempt key={entry.delivery_id || at} entry={entry} onRedelivered={reload} />
      ))}
    </section>
  );
}
