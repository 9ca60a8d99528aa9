// All scenarios of the campaign, in the order in which they run.
import { codePoints } from "./code-points.ts";
import { connectionFaults } from "./connection-faults.ts";
import { executions } from "./executions.ts";
import { eventLoop } from "./event-loop.ts";
import type { Scenario } from "./harness.ts";
import { backlog } from "./backlog.ts";
import { badInput } from "./bad-input.ts";
import { hostileReceivers } from "./hostile-receivers.ts";
import { hugeElements } from "./huge-elements.ts";
import { isolation } from "./isolation.ts";
import { leftovers } from "./leftovers.ts";
import { olderVersionExecutions } from "./older-version-executions.ts";
import { olderVersion } from "./older-version.ts";
import { twoAddresses } from "./two-addresses.ts";
import { receiverSays } from "./receiver-says.ts";
import { valkeyOutages } from "./valkey-outages.ts";
import { workerEnds } from "./worker-ends.ts";
import { workerKills } from "./worker-kills.ts";
import { wrongTypes } from "./wrong-types.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...workerKills,
  ...codePoints,
  ...workerEnds,
  ...valkeyOutages,
  ...connectionFaults,
  ...isolation,
  hostileReceivers,
  ...twoAddresses,
  ...backlog,
  ...badInput,
  ...hugeElements,
  wrongTypes,
  ...leftovers,
  ...receiverSays,
  ...executions,
  olderVersion,
  olderVersionExecutions,
  eventLoop,
];
