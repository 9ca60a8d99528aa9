// The lines that push an event: the very ones to paste. The operator's only; others push none.
import { config, urlOf } from "../boot.ts";
import { ownOwner } from "../owner.ts";
import { elementOf, shellQuoted, type Pushed } from "../push-text.ts";
import { CodeLine } from "./code.tsx";

export function PushLines(props: Pushed) {
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
