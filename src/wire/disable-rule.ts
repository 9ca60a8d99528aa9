// The rule by which Fluxhook disables a failing webhook.
import { z } from "zod";
import { durationSchema } from "./duration.ts";

const DAY_MS = 86_400_000;

export const disableRuleSchema = z
  .union(
    [
      z.strictObject({ consecutive_failures: z.int().min(1).max(10_000) }),
      z.strictObject({ failing_for: durationSchema({ minMs: 60_000, maxMs: 30 * DAY_MS }) }),
    ],
    { error: 'must be {"consecutive_failures":10}, {"failing_for":"5d"} or null' },
  )
  .describe("when Fluxhook disables the webhook; null for never. A success resets the count");
export type DisableRule = z.infer<typeof disableRuleSchema>;
