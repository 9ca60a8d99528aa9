// An attempt in full, loaded when it is opened: why it failed, what happens next, what was sent and answered,
// and what can be done with it.
import { useEffect } from "preact/hooks";
import type { AttemptInFull, SignedAgain } from "../../../sdk/api-types.ts";
import type { LoggedAttempt } from "../answers.ts";
import { call } from "../client.ts";
import { nextStepInWords, whyInWords, whyNotRedeliver } from "../failure-words.ts";
import { useLoad } from "../load.ts";
import { hashOf } from "../route.ts";
import { mayWrite } from "../session.ts";
import { nextInWords } from "../words.ts";
import { clockTime, fromNow } from "../time.ts";
import { CopyButton } from "./copy.tsx";
import { RequestShown, ResponseShown } from "./exchange.tsx";
import { Trouble, Waiting } from "./notice.tsx";
import { RedeliverButton } from "./redeliver-button.tsx";
import { Foreign } from "./text.tsx";
import { TimingBar } from "./timing-bar.tsx";
import { VerifyButton, VerifyLikeThis } from "./verify-attempt.tsx";

const RECORDED_WITHIN_MS = 5_000;
const AGAIN_AFTER_MS = 500;

interface InFullProps {
  entry: LoggedAttempt;
  /** On the delivery's own page, which has the rest around it. */
  isOnPage?: boolean;
  onRedelivered?: () => void;
}

export function InFull({ entry, isOnPage = false, onRedelivered }: InFullProps) {
  const path = `/v1/deliveries/${encodeURIComponent(entry.delivery_id)}`;
  const { data, refused, reload } = useLoad(path, (signal) =>
    call<AttemptInFull>("GET", path, undefined, { signal }),
  );
  const isMissing = refused?.status === 404;
  const mayFollow = isMissing && Date.now() - Date.parse(entry.timestamp) < RECORDED_WITHIN_MS;
  // The stream shows an attempt a moment before what was sent and answered is stored.
  useEffect(() => {
    const timer = mayFollow ? setTimeout(reload, AGAIN_AFTER_MS) : undefined;
    return () => clearTimeout(timer);
  }, [refused]);
  const shown = data ?? null;
  const why = whyInWords(entry, shown);
  const next = shown
    ? nextStepInWords(shown)
    : nextInWords(entry, (time) => `${fromNow(time)}, at ${clockTime(time)}`);
  const isGone = isMissing && !mayFollow;
  return (
    <>
      {why !== "" && (
        <p class="why">
          <Foreign text={why} />
        </p>
      )}
      {!isOnPage && next !== null && <p>{next}</p>}
      {shown === null && (refused === null || mayFollow) && (
        <Waiting what="what was sent and answered" />
      )}
      {isGone && <p class="muted">What was sent and answered is not kept.</p>}
      {refused !== null && !isMissing && <Trouble refused={refused} again={reload} />}
      <Actions
        entry={entry}
        shown={shown}
        path={path}
        isOnPage={isOnPage}
        onRedelivered={
          onRedelivered &&
          (() => {
            reload();
            onRedelivered();
          })
        }
      />
      {shown?.timing && <TimingBar timing={shown.timing} />}
      {shown?.request && <RequestShown request={shown.request} />}
      {shown?.response && <ResponseShown response={shown.response} />}
      {shown?.request && <VerifyLikeThis request={shown.request} webhookId={shown.webhook_id} />}
    </>
  );
}

interface ActionsProps extends InFullProps {
  shown: AttemptInFull | null;
  path: string;
}

function Actions({ entry, shown, path, isOnPage, onRedelivered }: ActionsProps) {
  const isTest = entry.event === "webhook.test" || shown?.redeliver.why_not === "test";
  // Without the details the button stays: the API itself says why it cannot be.
  const isPossible = shown?.redeliver.possible ?? true;
  const whyNot = shown && whyNotRedeliver(shown);
  const hasBody = shown?.request?.body !== null && shown?.request !== null && shown !== null;
  const others = (shown?.attempts.length ?? 1) - 1;
  return (
    <>
      <div class="actions">
        {mayWrite.value && onRedelivered && !isTest && isPossible && (
          <RedeliverButton
            deliveryId={entry.delivery_id}
            label={shown?.state === "scheduled" ? "Try again now" : "Redeliver"}
            onDone={onRedelivered}
          />
        )}
        {mayWrite.value && hasBody && (
          <CopyButton
            text={async () => (await call<SignedAgain>("POST", `${path}/sign`)).curl}
            what="the request as a curl command, signed now"
            label="Copy as curl"
          />
        )}
        {hasBody && shown.request?.is_sent && <VerifyButton path={path} />}
        {!isOnPage && (
          <a href={hashOf(`/deliveries/${encodeURIComponent(entry.delivery_id)}`)}>
            {others > 0
              ? `This delivery with its ${others === 1 ? "other attempt" : `${others} other attempts`}`
              : "Open this delivery"}
          </a>
        )}
      </div>
      {whyNot !== null && <p class="muted">{whyNot}</p>}
    </>
  );
}
