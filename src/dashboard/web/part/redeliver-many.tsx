// Redelivers what matches a filter, in steps: the count first, then progress, and a button that stops it.
import { useRef, useState } from "preact/hooks";
import { call, refusedOf, type Refused } from "../client.ts";
import { useLoad } from "../load.ts";
import type { Query } from "../route.ts";
import { say } from "../said.ts";
import { Dialog } from "./dialog.tsx";
import { Trouble, Waiting } from "./notice.tsx";

/** Small enough that Stop is heard soon. */
const AT_ONCE = 100;

interface Answer {
  redelivered: number;
  remaining: number;
}

interface RedeliverManyProps {
  filter: Query;
  /** All that match; some may belong to webhooks that are disabled. */
  matching: number | null;
  onClose: () => void;
}

type Progress = { done: number; total: number; state: "running" | "stopped" | "done" };

export function RedeliverMany({ filter, matching, onClose }: RedeliverManyProps) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [refused, setRefused] = useState<Refused | null>(null);
  const isStopped = useRef(false);
  const body = withoutEmpty(filter);
  const count = useLoad("count", (signal) =>
    call<Answer>("POST", "/v1/parked/redeliver", { ...body, dry_run: true }, { signal }),
  );
  const total = count.data?.remaining;

  async function run(): Promise<void> {
    let done = 0;
    isStopped.current = false;
    setRefused(null);
    setProgress({ done, total: total ?? 0, state: "running" });
    try {
      for (let remaining = total ?? 1; remaining > 0 && !isStopped.current;) {
        const answer = await call<Answer>("POST", "/v1/parked/redeliver", {
          ...body,
          limit: AT_ONCE,
        });
        done += answer.redelivered;
        // Whatever cannot be redelivered does not count as remaining, so this ends.
        remaining = answer.redelivered === 0 ? 0 : answer.remaining;
        setProgress({ done, total: done + remaining, state: "running" });
      }
      const state = isStopped.current ? "stopped" : "done";
      setProgress((last) => ({ done, total: last?.total ?? done, state }));
      say(state === "done" ? `${done} redelivered` : `Stopped after ${done}`);
    } catch (error) {
      setProgress(null);
      setRefused(refusedOf(error));
    }
  }

  return (
    <Dialog
      title="Redeliver"
      onClose={() => {
        isStopped.current = true;
        onClose();
      }}
    >
      {count.refused && <Trouble refused={count.refused} again={count.reload} />}
      {count.data === undefined && count.refused === null && <Waiting what="the count" />}
      {total !== undefined && progress === null && (
        <p>
          {total === 0 ? "None of them can be redelivered." : `${total} will be sent again.`}
          {matching !== null && matching > total
            ? ` ${matching - total} belong to webhooks that are disabled or deleted, and stay parked.`
            : ""}
        </p>
      )}
      {progress && <ProgressLine progress={progress} />}
      {refused && <Trouble refused={refused} />}
      <div class="actions">
        {progress === null && (total ?? 0) > 0 && (
          <button type="button" class="primary" onClick={() => void run()}>
            Redeliver {total}
          </button>
        )}
        {progress?.state === "running" ? (
          <button type="button" onClick={() => (isStopped.current = true)}>
            Stop
          </button>
        ) : (
          <button type="button" onClick={onClose}>
            {progress === null ? "Cancel" : "Close"}
          </button>
        )}
      </div>
    </Dialog>
  );
}

function ProgressLine({ progress: { done, total, state } }: { progress: Progress }) {
  return (
    <p>
      <progress value={done} max={Math.max(total, 1)} aria-label="Redelivered" />{" "}
      {state === "stopped" ? "Stopped: " : ""}
      {done} of {total} sent again
    </p>
  );
}

function withoutEmpty(filter: Query): Record<string, string> {
  return Object.fromEntries(
    Object.entries(filter).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}
