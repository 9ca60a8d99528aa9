// The settings of the executions of workflows.
import { duration, integer } from "./forms.ts";
import { setting } from "./setting.ts";

const DAY_MS = 86_400_000;

export const EXECUTION_SETTINGS = {
  EXECUTION_CONCURRENCY: setting(
    integer(1, 65_000),
    "256",
    "at most this many executions of workflows run at once, per process; one that waits for a task does not run",
  ),
  EXECUTION_TTL: setting(
    duration({ minMs: 1000, maxMs: 365 * DAY_MS }),
    "7d",
    "how long an execution is kept after it has ended, and can be retried",
  ),
  EXECUTIONS_MAX: setting(
    integer(1, 100_000_000),
    "100000",
    "executions kept that have ended; beyond that the oldest are dropped",
  ),
  EXECUTIONS_MAX_BYTES: setting(
    integer(1, 1_000_000_000_000),
    "268435456",
    "bytes of executions kept that have ended: bodies and outputs; beyond that the oldest are dropped",
  ),
  MAX_OUTPUT_BYTES: setting(
    integer(1024, 16_777_216),
    "262144",
    "the maximum size in bytes of what a node of a workflow gives; a larger one fails the node",
  ),
  TASKS_MAX: setting(
    integer(1, 100_000_000),
    "100000",
    "tasks that wait on one list for your programs; beyond that a task node fails",
  ),
  IDEMPOTENCY_TTL: setting(
    duration({ minMs: 1000, maxMs: 30 * DAY_MS }),
    "24h",
    "how long a request to a workflow is recognised by its idempotency key",
  ),
} as const;
