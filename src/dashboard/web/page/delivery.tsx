// One delivery: where it is, what happens next, and its attempts in their order. Several can be open at once.
import type { AttemptInFull } from "../../../sdk/api-types.ts";
import { call } from "../client.ts";
import { nextStepInWords } from "../failure-words.ts";
import { useLoad } from "../load.ts";
import { Attempt } from "../part/attempt.tsx";
import { CopyButton } from "../part/copy.tsx";
import { JsonText } from "../part/code.tsx";
import { Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { Foreign, Id } from "../part/text.tsx";
import { hashOf } from "../route.ts";

const EVERY_MS = 2_000;

export function DeliveryPage({ id }: { id: string }) {
  const path = `/v1/deliveries/${encodeURIComponent(id)}`;
  const { data, refused, reload } = useLoad(
    path,
    (signal) => call<AttemptInFull>("GET", path, undefined, { signal }),
    EVERY_MS,
  );
  if (data === undefined) {
    return (
      <Page title="Delivery">
        {refused ? <NotShown refused={refused} again={reload} /> : <Waiting what="the delivery" />}
      </Page>
    );
  }
  const { attempts, attempt } = data;
  const event = (attempt ?? attempts[0])?.event ?? "";
  return (
    <Page title={`Delivery of ${event}`} heading={<Foreign text={event || "Delivery"} />}>
      <p>{nextStepInWords(data)}</p>
      <dl class="facts">
        <div>
          <dt>Webhook</dt>
          <dd>
            <a href={hashOf(`/webhooks/${encodeURIComponent(data.webhook_id)}`)}>
              <Id text={data.webhook_id} />
            </a>
          </dd>
        </div>
        <Fact name="Event id" value={(attempt ?? attempts[0])?.id ?? ""} />
        <Fact name="Delivery id" value={data.delivery_id} />
      </dl>
      <section aria-label="Attempts">
        <h2>{attempts.length === 1 ? "Attempt" : "Attempts"}</h2>
        {attempts.map((entry) => (
          <Attempt
            key={entry.delivery_id}
            entry={entry}
            isOnPage
            isOpen={entry.delivery_id === data.delivery_id}
            onRedelivered={reload}
          />
        ))}
        {attempts.length === 0 && (
          <>
            <p class="muted">Its attempts are no longer kept.</p>
            {data.request?.body && <JsonText text={data.request.body} what="the body" />}
          </>
        )}
      </section>
    </Page>
  );
}

function NotShown({ refused, again }: Parameters<typeof Trouble>[0]) {
  if (refused.status !== 404) return <Trouble refused={refused} again={again} />;
  return (
    <p>
      This delivery is not known: it is no longer kept, or it is another owner's. The last ten
      attempts of each owner are kept, the last failed ones of each webhook, and what is scheduled
      or parked.
    </p>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  if (value === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Id text={value} />
        <CopyButton text={value} what={`the ${name.toLowerCase()}`} />
      </dd>
    </div>
  );
}
