// The last failed attempts of one webhook. They stay when successes have pushed them out of the log.
import type { FailedAttempt } from "../../../sdk/api-types.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { Attempt } from "./attempt.tsx";
import { Trouble } from "./notice.tsx";

const EVERY_MS = 5_000;

export function Failures({ webhookId }: { webhookId: string }) {
  const path = `/v1/webhooks/${encodeURIComponent(webhookId)}/failures`;
  const { data, refused, reload } = useLoad(
    path,
    (signal) => call<{ failures: FailedAttempt[] }>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
  const failures = data?.failures ?? [];
  // A deleted webhook has none, and the page says that it is gone.
  if (refused !== null && refused.status !== 404) {
    return (
      <section aria-label="Last failures">
        <h2>Last failures</h2>
        <Trouble refused={refused} again={reload} />
      </section>
    );
  }
  if (failures.length === 0) return null;
  return (
    <section aria-label="Last failures">
      <h2>Last failures</h2>
      <p class="hint">The last failed attempts of this webhook, also those before its last ten.</p>
      {failures.map(({ attempt }) => (
        <Attempt key={attempt.delivery_id} entry={attempt} onRedelivered={reload} />
      ))}
    </section>
  );
}
