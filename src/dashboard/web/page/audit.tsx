// Who did what: to everything, or to what belongs to one owner.
import { useState } from "preact/hooks";
import type { AuditEntry } from "../../../sdk/api-types.ts";
import type { Page as ListPage } from "../answers.ts";
import { call } from "../client.ts";
import { useLoad } from "../load.ts";
import { ownerInWords, ownOwner, searchOf } from "../owner.ts";
import { Empty, Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { Table, type Column } from "../part/table.tsx";
import { Foreign, Id } from "../part/text.tsx";
import { hashOf } from "../route.ts";
import { exactTime, fromNow } from "../time.ts";
import { visible } from "../visible-text.ts";

const EVERY_MS = 5_000;

export function Audit() {
  const [cursor, setCursor] = useState("");
  const search = searchOf({ cursor });
  const { data, refused, reload } = useLoad(
    search,
    (signal) =>
      call<ListPage<"audit", AuditEntry>>("GET", `/v1/audit${search}`, undefined, { signal }),
    cursor === "" ? EVERY_MS : 0,
  );
  const entries = data?.audit ?? [];
  return (
    <Page title="Audit">
      <p>
        Who created, changed, revealed or redelivered what. Events that are pushed are not listed.
      </p>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the audit" />}
      {data !== undefined && entries.length === 0 && <Empty title="Nothing yet" />}
      {entries.length > 0 && (
        <Table label="Audit" columns={columns()} rows={entries} keyOf={({ id }) => id} />
      )}
      <p class="bar">
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
    </Page>
  );
}

function columns(): readonly Column<AuditEntry>[] {
  const all: Column<AuditEntry>[] = [
    {
      title: "What",
      isMain: true,
      cell: ({ action, details }) => (
        <>
          {inWords(action)}
          <span class="muted clipped">
            <Foreign text={detailsInWords(details)} />
          </span>
        </>
      ),
    },
    { title: "About", cell: (entry) => <About entry={entry} /> },
    {
      title: "When",
      cell: ({ at }) => (
        <time dateTime={at} title={exactTime(at)}>
          {fromNow(at)}
        </time>
      ),
    },
    {
      title: "By",
      cell: ({ by }) => (
        <span class="owner" title={visible(whoInWords(by))}>
          <Foreign text={whoInWords(by)} />
        </span>
      ),
    },
  ];
  const whose: Column<AuditEntry> = {
    title: "Owner",
    cell: ({ user_id, org_id }) => (
      <span class="owner">
        <Foreign text={whoseInWords(user_id, org_id)} />
      </span>
    ),
  };
  return ownOwner.value === null ? [...all, whose] : all;
}

function About({ entry: { about, action } }: { entry: AuditEntry }) {
  if (about === null) return null;
  const isWebhook = about.startsWith("wh_") && action !== "webhook.deleted";
  if (!isWebhook) return <Id text={about} />;
  return (
    <a data-row href={hashOf(`/webhooks/${about}`)}>
      <Id text={about} />
    </a>
  );
}

/** `webhook.secret_rotated` → `Webhook: secret rotated`. */
function inWords(action: string): string {
  const [thing = "", done] = action.replaceAll("_", " ").split(".");
  const title = thing.charAt(0).toUpperCase() + thing.slice(1);
  return done === undefined ? title : `${title}: ${done}`;
}

function detailsInWords(details: AuditEntry["details"]): string {
  return Object.entries(details)
    .map(([name, value]) => {
      const text = Array.isArray(value) ? value.join(", ") : String(value);
      return `${name.replaceAll("_", " ")} ${text}`;
    })
    .join("; ");
}

const KINDS: Record<AuditEntry["by"]["kind"], string> = {
  api: "the API token",
  dashboard: "the dashboard",
  owner: "a portal token",
  key: "an API key",
  operator: "the operator",
};

function whoInWords({ kind, name }: AuditEntry["by"]): string {
  return name === null ? KINDS[kind] : `${name} (${KINDS[kind]})`;
}

function whoseInWords(user?: string, org?: string): string {
  if (user !== undefined) return ownerInWords({ kind: "user", id: user });
  return org === undefined ? "" : ownerInWords({ kind: "org", id: org });
}
