// One attempt: a line, and opened what came of it, what happens next, and its ids.
import { CircleCheck, CircleDashed, CirclePause, CircleX } from "lucide";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { LoggedAttempt } from "../answers.ts";
import { exactTime, fromNow } from "../time.ts";
import { durationInWords, outcomeInWords } from "../words.ts";
import { JsonText } from "./code.tsx";
import { CopyButton } from "./copy.tsx";
import { Icon } from "./icon.tsx";
import { InFull } from "./in-full.tsx";
import { Foreign, Id } from "./text.tsx";

const LOOKS = new Map<string, { icon: typeof CircleCheck; tone: string }>([
  ["delivered", { icon: CircleCheck, tone: "ok" }],
  ["retry", { icon: CircleX, tone: "bad" }],
  ["parked", { icon: CirclePause, tone: "bad" }],
]);

interface AttemptProps {
  entry: LoggedAttempt;
  isOpen?: boolean;
  /** On the page of its delivery. */
  isOnPage?: boolean;
  /** Called when it has been redelivered. */
  onRedelivered?: () => void;
  /** Shown on its line, after the event. */
  about?: ComponentChildren;
}

export function Attempt({ entry, isOpen = false, isOnPage, onRedelivered, about }: AttemptProps) {
  const { icon, tone } = LOOKS.get(entry.outcome) ?? { icon: CircleDashed, tone: "off" };
  // Most rows of a list are never opened; what is in them is loaded when they are.
  const [isOpened, setOpened] = useState(isOpen);
  return (
    <details
      class="attempt"
      open={isOpen || undefined}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open) setOpened(true);
      }}
    >
      <summary data-row>
        <span class={`badge ${tone}`}>
          <Icon of={icon} />
          {outcomeInWords(entry)}
        </span>
        <span class="event">
          <Foreign text={entry.event} />
        </span>
        {about}
        <span class="muted">
          <Foreign text={String(entry.status_code ?? entry.reason ?? "")} />
        </span>
        <span class="muted">{durationInWords(entry.duration_ms)}</span>
        <time dateTime={entry.timestamp} title={exactTime(entry.timestamp)} class="muted">
          {fromNow(entry.timestamp)}
        </time>
      </summary>
      {isOpened && <Details entry={entry} isOnPage={isOnPage} onRedelivered={onRedelivered} />}
    </details>
  );
}

function Details({ entry, isOnPage, onRedelivered }: Omit<AttemptProps, "isOpen">) {
  const facts: [name: string, value: string][] = [
    ["Delivery id", entry.delivery_id],
    ["Event id", entry.id],
    ["Webhook", entry.webhook_id],
    ["Endpoint", entry.endpoint],
  ];
  return (
    <div class="opened">
      {entry.message !== undefined && (
        <p>
          <Foreign text={entry.message} />
        </p>
      )}
      {entry.raw !== undefined && <JsonText text={entry.raw} what="the element" />}
      {entry.delivery_id !== "" && (
        <InFull entry={entry} isOnPage={isOnPage} onRedelivered={onRedelivered} />
      )}
      <dl class="facts">
        <div>
          <dt>Attempt</dt>
          <dd>
            {entry.attempt}, {exactTime(entry.timestamp)}, {durationInWords(entry.duration_ms)}
            {entry.status_code !== null && `, answered ${entry.status_code}`}
          </dd>
        </div>
        {facts.map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>
              <Id text={value} />
              {name.endsWith("id") && (
                <CopyButton text={value} what={`the ${name.toLowerCase()}`} />
              )}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
