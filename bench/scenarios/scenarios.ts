// All scenarios, in the order in which they run.
import type { Scenario } from "../bench.ts";
import { backlog, many } from "./backlog.ts";
import { growth } from "./growth.ts";
import { ingest } from "./ingest.ts";
import { known } from "./known.ts";
import { noisy, openLoop } from "./open-loop.ts";
import { fanOut, sizes, tls } from "./shapes.ts";
import { soak } from "./soak.ts";
import { start } from "./start.ts";
import { viewers } from "./viewers.ts";
import { steady } from "./steady.ts";

export const SCENARIOS: readonly Scenario[] = [
  backlog,
  many,
  openLoop,
  steady,
  noisy,
  fanOut,
  sizes,
  tls,
  growth,
  ingest,
  start,
  viewers,
  known,
  soak,
];
