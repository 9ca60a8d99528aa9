// All scenarios of the campaign, in the order in which they run.
import type { Scenario } from "./harness.ts";
import { workerKills } from "./worker-kills.ts";

export const SCENARIOS: readonly Scenario[] = [...workerKills];
