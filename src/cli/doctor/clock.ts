// Checks the clock skew. Receivers accept a signature's timestamp within five minutes (Standard Webhooks),
// and the schedule runs by Valkey's clock.
import { asksValkey, ok, problem, warning, type Check, type Finding } from "./check.ts";

const NOTED_MS = 1_000;
/** A tenth of what receivers accept: the rest is for retries, queues and their own clocks. */
const WRONG_MS = 30_000;

export const clockCheck: Check = {
  name: "clock",
  reads: [],
  look: asksValkey(async ({ link }) => {
    const before = Date.now();
    const time = await link.run((client) => client.time());
    const after = Date.now();
    return checkSkew(Number(time[0]) * 1_000 + Number(time[1]) / 1_000, before, after);
  }),
};

/** Valkey read its clock at some moment between `beforeMs` and `afterMs`. */
export function checkSkew(serverMs: number, beforeMs: number, afterMs: number): Finding {
  const skewMs = Math.round(serverMs - (beforeMs + afterMs) / 2);
  const found = `Valkey's is ${Math.abs(skewMs)} ms ${skewMs < 0 ? "behind" : "ahead"}`;
  const advice = "run NTP on both machines: receivers refuse signatures that are 5 minutes off";
  if (Math.abs(skewMs) > WRONG_MS) return problem(found, advice);
  return Math.abs(skewMs) > NOTED_MS ? warning(found, advice) : ok(found);
}
