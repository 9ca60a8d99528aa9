// Counts how claims ended, by the reply to their settlement: what another worker has taken over meanwhile is
// counted by that one.
import type { Counters } from "../../stats/counters.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import { isDelivery } from "../../valkey/queue/item.ts";
import { isExecutionEnding, type Settlement } from "../../valkey/queue/settlement.ts";

export function countSettled(
  counters: Counters,
  queue: string,
  claim: Claimed,
  settlement: Settlement,
): void {
  const { verb } = settlement;
  // Executions of workflows are no deliveries.
  if (verb === "wait") return;
  // What is postponed goes to the schedule as it came: no attempt was made.
  const isPutOff = verb === "back" || (verb === "retry" && settlement.header === claim.header);
  if (verb === "done") {
    const { ending } = settlement;
    if (isExecutionEnding(ending)) return;
    counters.ended(ending);
  } else if (verb === "park") counters.ended("parked");
  else if (verb === "back") counters.putBack.add([queue]);
  else if (verb === "retry" && !isPutOff) counters.series.add("retry");
  if (isPutOff || isDelivery(claim.header)) return;
  if (verb !== "done" || settlement.ending === "delivered") counters.event("matched");
  else if (settlement.ending === "nobody") counters.event("nobody");
  else if (settlement.ending === "filtered") counters.event("filtered");
}
