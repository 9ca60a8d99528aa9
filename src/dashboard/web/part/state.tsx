// A webhook's state and health: a shape and a word, never a colour alone.
import { CircleCheck, CircleOff, CircleDashed, TriangleAlert } from "lucide";
import type { Webhook, WebhookHealth } from "../../../wire/webhook.ts";
import { exactTime, fromNow } from "../time.ts";
import { disabledInWords } from "../words.ts";
import { Icon } from "./icon.tsx";
import { Foreign } from "./text.tsx";

export function State({ webhook }: { webhook: Pick<Webhook, "enabled" | "disabled_reason"> }) {
  if (webhook.enabled) {
    return (
      <span class="badge ok">
        <Icon of={CircleCheck} />
        Enabled
      </span>
    );
  }
  return (
    <span class="badge off">
      <Icon of={CircleOff} />
      <span>
        Disabled: <Foreign text={disabledInWords(webhook.disabled_reason)} />
      </span>
    </span>
  );
}

export function Health({ health }: { health: WebhookHealth }) {
  const { consecutive_failures: failures, last_success_at: success, last_failure_at } = health;
  if (failures > 0) {
    return (
      <span class="badge bad" title={last_failure_at ? exactTime(last_failure_at) : undefined}>
        <Icon of={TriangleAlert} />
        {failures === 1 ? "Last one failed" : `Failing, ${failures} in a row`}
      </span>
    );
  }
  if (success === null) {
    return (
      <span class="badge off">
        <Icon of={CircleDashed} />
        Nothing sent yet
      </span>
    );
  }
  return (
    <span class="badge ok" title={exactTime(success)}>
      <Icon of={CircleCheck} />
      Delivered {fromNow(success)}
    </span>
  );
}
