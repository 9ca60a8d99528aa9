// One attempt: a line, and opened what came of it, what happens next, and its ids.
import { CircleCheck, CircleDashed, CirclePause, CircleX } from "lucide";
import type { LoggedAttempt } from "../answers.ts";
import { call } from "../client.ts";
import { useAction } from "../load.ts";
import { say } from "../said.ts";
import { clockTime, exactTime, fromNow } from "../time.ts";
import { durationInWords, nextInWords, outcomeInWords, reasonInWords } from "../words.ts";
import { JsonText } from "./code.tsx";
import { CopyButton } from "./copy.tsx";
import { Icon } from "./icon.tsx";
import { Trouble } from "./notice.tsx";
import { Foreign, Id } from "./text.tsx";

const LOOKS = new Map<string, { icon: typeof CircleCheck; tone: string }>([
  ["delivered", { icon: CircleCheck, tone: "ok" }],
  ["retry", { icon: CircleX, tone: "bad" }],
  ["parked", { icon: CirclePause, tone: "bad" }],
]);

interface AttemptProps {
  entry: LoggedAttempt;
  isOpen?: boolean;
  /** Called when it has been redelivered. */
  onRedelivered?: () => void;
}

export function Attempt({ entry, isOpen = false, onRedelivered }: AttemptProps) {
  const { icon, tone } = LOOKS.get(entry.outcome) ?? { icon: CircleDashed, tone: "off" };
  return (
    <details class="attempt" open={isOpen || undefined}>
      <summary data-row>
        <span class={`badge ${tone}`}>
          <Icon of={icon} />
          {outcomeInWords(entry)}
        </span>
        <span class="event">
          <Foreign text={entry.event} />
        </span>
        <span class="muted">
          <Foreign text={String(entry.status_code ?? entry.reason ?? "")} />
        </span>
        <span class="muted">{durationInWords(entry.duration_ms)}</span>
        <time dateTime={entry.timestamp} title={exactTime(entry.timestamp)} class="muted">
          {fromNow(entry.timestamp)}
        </time>
      </summary>
      <Details entry={entry} onRedelivered={onRedelivered} />
    </details>
  );
}

function Details({ entry, onRedelivered }: Omit<AttemptProps, "isOpen">) {
  const next = nextInWords(entry, (time) => `${fromNow(time)}, at ${clockTime(time)}`);
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
      {entry.reason !== null && (
        <p>
          <Foreign text={reasonInWords(entry.reason)} />
        </p>
      )}
      {next !== null && <p>{next}</p>}
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
      {onRedelivered && entry.event !== "webhook.test" && (
        <RedeliverButton
          deliveryId={entry.delivery_id}
          label={entry.outcome === "retry" ? "Try again now" : "Redeliver"}
          onDone={onRedelivered}
        />
      )}
    </div>
  );
}

interface RedeliverProps {
  deliveryId: string;
  label?: string;
  onDone: () => void;
}

export function RedeliverButton({ deliveryId, label = "Redeliver", onDone }: RedeliverProps) {
  const redeliver = useAction(async () => {
    await call("POST", `/v1/deliveries/${encodeURIComponent(deliveryId)}/redeliver`);
    say("It is sent again");
    onDone();
  });
  return (
    <>
      <button type="button" onClick={redeliver.run} disabled={redeliver.isRunning}>
        {label}
      </button>
      {redeliver.refused && <Trouble refused={redeliver.refused} />}
    </>
  );
}
