// One webhook: its state, its secret, what it was sent, what waits for it, its settings.
import { Pencil, Play, Power, Trash } from "lucide";
import { useRef, useState } from "preact/hooks";
import type { Webhook } from "../../../wire/webhook.ts";
import { call } from "../client.ts";
import { useAction, useLoad } from "../load.ts";
import { ownerInWords, ownerOfThing, ownOwner, queryOf } from "../owner.ts";
import { Attempts } from "../part/attempts.tsx";
import { Failures } from "../part/failures.tsx";
import { Confirm } from "../part/dialog.tsx";
import { Icon } from "../part/icon.tsx";
import { Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { ParkedOfWebhook } from "../part/parked-of-webhook.tsx";
import { SecretRow } from "../part/secret-row.tsx";
import { Health, State } from "../part/state.tsx";
import { TestButton } from "../part/test-button.tsx";
import { Foreign, Id, Url } from "../part/text.tsx";
import { go, hashOf } from "../route.ts";
import { say } from "../said.ts";
import { mayWrite } from "../session.ts";
import { visible } from "../visible-text.ts";
import { eventsInWords } from "../words.ts";
import { WebhookForm } from "./webhook-form.tsx";

const EVERY_MS = 2_000;

export function WebhookPage({ id }: { id: string }) {
  const path = `/v1/webhooks/${encodeURIComponent(id)}`;
  const isLeaving = useRef(false);
  const { data, refused, reload } = useLoad(
    path,
    // While it is deleted it is not looked at: the answer would be 404.
    (signal) => (isLeaving.current ? NEVER : call<Webhook>("GET", path, undefined, { signal })),
    EVERY_MS,
  );
  const leave = (leaves: boolean) => {
    isLeaving.current = leaves;
    reload();
  };
  if (data === undefined) {
    return (
      <Page title="Webhook">
        {refused ? <Trouble refused={refused} again={reload} /> : <Waiting what="the webhook" />}
      </Page>
    );
  }
  return <Shown webhook={data} reload={reload} leave={leave} isGone={refused?.status === 404} />;
}

const NEVER = new Promise<never>(() => {});

interface ShownProps {
  webhook: Webhook;
  reload: () => void;
  /** Called with true before it is deleted, and with false where that is refused. */
  leave: (leaves: boolean) => void;
  isGone: boolean;
}

function Shown({ webhook, reload, leave, isGone }: ShownProps) {
  const owner = ownerOfThing(webhook);
  return (
    <Page
      title={`Webhook ${new URL(webhook.url).host}`}
      heading={<Url url={webhook.url} />}
      actions={
        !isGone && mayWrite.value && <Actions webhook={webhook} reload={reload} leave={leave} />
      }
    >
      {isGone && <p class="notice bad">This webhook has been deleted.</p>}
      <p class="bar">
        <State webhook={webhook} />
        <Health health={webhook.health} />
        {ownOwner.value === null && (
          <a href={hashOf("/webhooks", queryOf(owner))}>
            All webhooks of <Foreign text={ownerInWords(owner)} />
          </a>
        )}
      </p>
      {webhook.description !== "" && (
        <p>
          <Foreign text={webhook.description} />
        </p>
      )}
      {!isGone && mayWrite.value && <TestButton webhook={webhook} />}
      {!isGone && <SecretRow path={`/v1/webhooks/${webhook.id}`} verb="signs" />}
      <Attempts owner={owner} webhookId={webhook.id} />
      {!isGone && <Failures webhookId={webhook.id} />}
      <ParkedOfWebhook webhook={webhook} />
      <Settings webhook={webhook} />
    </Page>
  );
}

function Actions({ webhook, reload, leave }: Omit<ShownProps, "isGone">) {
  const [open, setOpen] = useState<"edit" | "delete" | null>(null);
  const owner = ownerOfThing(webhook);
  const verb = webhook.enabled ? "disable" : "enable";
  const toggle = useAction(async () => {
    await call("POST", `/v1/webhooks/${webhook.id}/${verb}`);
    say(webhook.enabled ? "Disabled" : "Enabled");
    reload();
  });
  return (
    <>
      <button type="button" onClick={() => setOpen("edit")}>
        <Icon of={Pencil} />
        Change
      </button>
      <button type="button" onClick={toggle.run} disabled={toggle.isRunning}>
        <Icon of={webhook.enabled ? Power : Play} />
        {webhook.enabled ? "Disable" : "Enable"}
      </button>
      <button type="button" onClick={() => setOpen("delete")}>
        <Icon of={Trash} />
        Delete
      </button>
      {toggle.refused && <Trouble refused={toggle.refused} />}
      {open === "edit" && (
        <WebhookForm
          owner={owner}
          webhook={webhook}
          onClose={() => setOpen(null)}
          onSaved={reload}
        />
      )}
      {open === "delete" && (
        <DeleteDialog
          webhook={webhook}
          onClose={() => setOpen(null)}
          leave={leave}
          onDeleted={() => go(hashOf("/webhooks", ownOwner.value ? {} : queryOf(owner)))}
        />
      )}
    </>
  );
}

interface DeleteProps extends Pick<ShownProps, "webhook" | "leave"> {
  onClose: () => void;
  onDeleted: () => void;
}

function DeleteDialog({ webhook, leave, onClose, onDeleted }: DeleteProps) {
  const { host } = new URL(webhook.url);
  const [typed, setTyped] = useState("");
  return (
    <Confirm
      title="Delete the webhook"
      verb="Delete it"
      onClose={onClose}
      isAllowed={typed.trim() === host}
      act={async () => {
        leave(true);
        await call("DELETE", `/v1/webhooks/${webhook.id}`).catch((error: unknown) => {
          leave(false);
          throw error;
        });
        say("Deleted");
        onDeleted();
      }}
    >
      <p>
        Deliveries that still wait for it end, and its secret is lost. To stop it for a while,
        disable it instead.
      </p>
      <label>
        <span>
          Type <strong>{visible(host)}</strong> to delete it
        </span>
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={typed}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
        />
      </label>
    </Confirm>
  );
}

/** Whose value somebody who looks over a shoulder should not see. */
const SECRET_NAME = /auth|token|key|secret|cookie|password/i;

function Settings({ webhook }: { webhook: Webhook }) {
  const { disable_rule: rule, headers } = webhook;
  const facts: [string, string][] = [
    ["Events", eventsInWords(webhook.events)],
    ["Filter", webhook.filter ?? "none"],
    ["Format", webhook.dialect],
    ["Time-out", `${webhook.timeout_ms / 1_000} s for a whole attempt`],
    ["Attempts after", webhook.retry_schedule.join(", ")],
    [
      "Disabled automatically",
      rule === null
        ? "never"
        : "failing_for" in rule
          ? `after failing for ${rule.failing_for}`
          : `after ${rule.consecutive_failures} failures in a row`,
    ],
    ...Object.entries(headers).map(([name, value]): [string, string] => [
      `Header ${name}`,
      SECRET_NAME.test(name) ? "•••• (Change shows it)" : value,
    ]),
  ];
  return (
    <section>
      <h2>Settings</h2>
      <dl class="facts">
        <div>
          <dt>Id</dt>
          <dd>
            <Id text={webhook.id} />
          </dd>
        </div>
        {facts.map(([name, value]) => (
          <div>
            <dt>
              <Foreign text={name} />
            </dt>
            <dd>
              <Foreign text={value} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
