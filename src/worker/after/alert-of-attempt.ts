// Which alert follows from an attempt, if any.
import { ALERT_ID_PREFIX, isOwnerAlert } from "../../wire/alert.ts";
import type { Alerter } from "./alerts.ts";
import type { FinishedAttempt } from "../job.ts";

export function alertOfAttempt(
  alerter: Pick<Alerter, "raise">,
  { job: { webhook, header, event }, attempt: { outcome } }: FinishedAttempt,
): void {
  if (outcome.outcome === "delivered") return;
  const { reason } = outcome;
  if (outcome.outcome === "parked") {
    alerter.raise("delivery.parked", {
      webhook,
      reason,
      id: header.id,
      isOfAlert: isOwnerAlert(event.type) && header.id.startsWith(ALERT_ID_PREFIX),
      message: outcome.exhausted
        ? `the schedule of a delivery is used up; its last attempt: ${reason}`
        : `a delivery is not tried again: ${reason}`,
    });
  } else if (reason === "blocked-address") {
    alerter.raise("delivery.blocked", {
      webhook,
      reason,
      id: header.id,
      message: "the name of its webhook has a denied address; the delivery will be tried again",
    });
  }
}
