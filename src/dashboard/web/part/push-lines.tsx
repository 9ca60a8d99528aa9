// The lines that push an event: the very ones to paste. The operator's only; others push none.
import { config, urlOf } from "../boot.ts";
import { ownOwner } from "../owner.ts";
import type { Owner } from "../session.ts";
import { CodeLine } from "./code.tsx";

interface PushProps {
  owner: Owner;
  type: string;
  /** JSON text, which goes out as it is. */
  data: string;
}

/** The element's text; `data` is not parsed, so that it stays as it was typed. */
export function elementOf({ owner, type, data }: PushProps): string {
  const before = JSON.stringify({ [`${owner.kind}_id`]: owner.id, event: type });
  return `${before.slice(0, -1)},"data":${data.trim()}}`;
}

export function PushLines(props: PushProps) {
  const [queue = ""] = config.queues;
  if (ownOwner.value !== null || queue === "") return null;
  const element = shellQuoted(elementOf(props));
  const push = `${config.valkeyCli} LPUSH ${shellQuoted(queue)} ${element}`;
  const curl =
    `curl -H "Authorization: Bearer $FLUXHOOK_API_TOKEN" -H 'Content-Type: application/json' ` +
    `-d ${element} ${shellQuoted(urlOf("/v1/events"))}`;
  return (
    <>
      <p>Push an event from any service:</p>
      <CodeLine text={push} what="the LPUSH line" />
      <p>or over HTTP:</p>
      <CodeLine text={curl} what="the curl line" />
    </>
  );
}

/** POSIX shell: nothing is special inside single quotes but the quote itself. */
export function shellQuoted(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
