// The points at which the fault campaign kills the process. They are not in a release: its build sets
// FLUXHOOK_FAULT_BUILD to false, which removes the code below.
declare const FLUXHOOK_FAULT_BUILD: boolean;

export type FaultPoint =
  | "claimed"
  | "fanned-out"
  | "signed"
  | "sent"
  | "answered"
  | "settled"
  | "logged"
  // Of executions.
  | "node-ran"
  | "node-stored"
  | "task-waits"
  | "task-pushed";

/** Passes left before the process ends, from `FLUXHOOK_TEST_FAULT=<point>:<passes>`. */
let passesLeft = -1;

const SENT_AFTER_MS = 10;

export function faultPoint(point: FaultPoint): void {
  if (typeof FLUXHOOK_FAULT_BUILD === "undefined" || !FLUXHOOK_FAULT_BUILD) return;
  const [wanted, passes] = (process.env.FLUXHOOK_TEST_FAULT ?? "").split(":");
  if (wanted !== point) return;
  if (passesLeft < 0) passesLeft = Number(passes);
  if (passesLeft > 0) passesLeft -= 1;
  // The request is sent a moment after this call; the campaign's receiver answers later than that.
  else if (point === "sent") setTimeout(end, SENT_AFTER_MS);
  else end();
}

function end(): void {
  process.kill(process.pid, "SIGKILL");
}
