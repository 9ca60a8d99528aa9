// How a claim ends: the worker's type, and the arguments that `settle.lua` takes.
import type { ScriptArgument } from "../connection/script.ts";
import { headerText, isDelivery, type DeliveryHeader, type ItemHeader } from "./item.ts";
import { parkedEntry } from "./parked-index.ts";
import type { Claimed } from "./claimed.ts";
import type { DeliveryName } from "../../wire/ids.ts";

export type Settlement =
  | { verb: "done"; ending: DeliveryEnding | ExecutionEnding }
  /** `delivery` is its name on the schedule. */
  | { verb: "retry"; delivery: DeliveryName; delayMs: number; header: ItemHeader }
  | { verb: "park"; delivery: DeliveryName; header: DeliveryHeader }
  /** `first`: it is taken before the others in the lane. */
  | { verb: "lane"; webhookId: string; header: ItemHeader; first?: boolean }
  | { verb: "fan"; event: string; headers: readonly DeliveryHeader[] }
  /** Back to the list unchanged (header null), or to the ready list. */
  | { verb: "back"; header: ItemHeader | null }
  /** An execution waits, unless it no longer does or `field` of it is there by now. */
  | { verb: "wait"; execution: string; delayMs: number; header: ItemHeader; field: string };

type DeliveryEnding = "delivered" | "nobody" | "filtered" | "deleted" | "rejected" | "lost";
/** `stale`: its execution had ended before, was removed, or was begun again. */
export type ExecutionEnding = "finished" | "failed" | "cancelled" | "stale";

const EXECUTION_ENDINGS = new Set<string>(["finished", "failed", "cancelled", "stale"]);

export function isExecutionEnding(
  ending: DeliveryEnding | ExecutionEnding,
): ending is ExecutionEnding {
  return EXECUTION_ENDINGS.has(ending);
}

export interface Settle {
  claim: Pick<Claimed, "number"> & Partial<Pick<Claimed, "shared" | "bytes" | "filterCounts">>;
  settlement: Settlement;
}

/**
 * Returns what the filters' verdicts add to the counts with this settlement, or null. An element that is put
 * back is judged again, and counted then.
 */
export function countedWith({ claim, settlement }: Settle): Claimed["filterCounts"] | null {
  if (claim.filterCounts === undefined) return null;
  const isPutBack = settlement.verb === "back" || settlement.verb === "retry";
  const staysElement = isPutBack && (settlement.header === null || !isDelivery(settlement.header));
  return staysElement ? null : claim.filterCounts;
}

/** Returns the arguments that the script takes after the verb and the claim. */
export function settlementArguments(settlement: Settlement): ScriptArgument[] {
  switch (settlement.verb) {
    case "done":
      return [settlement.ending];
    case "retry":
      return [settlement.delivery, Math.ceil(settlement.delayMs), headerText(settlement.header)];
    case "park":
      return [settlement.delivery, headerText(settlement.header), parkedEntry(settlement.header)];
    case "lane":
      return [
        settlement.webhookId,
        headerText(settlement.header),
        settlement.first ? "first" : "last",
      ];
    case "fan":
      return [[settlement.event, ...settlement.headers.map(headerText)].join("\n")];
    case "back":
      return [settlement.header === null ? "" : headerText(settlement.header)];
    case "wait":
      return [
        settlement.execution,
        Math.ceil(settlement.delayMs),
        headerText(settlement.header),
        settlement.field,
      ];
  }
}
