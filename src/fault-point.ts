// Where the fault campaign kills the process. A release knows none of this: the build sets
// FLUXHOOK_FAULT_BUILD to false, and the branch below is not in the binary.
declare const FLUXHOOK_FAULT_BUILD: boolean;

export type FaultPoint =
  "claimed" | "fanned-out" | "signed" | "sent" | "answered" | "settled" | "logged";

/** Passes left before the process ends here, by `FLUXHOOK_TEST_FAULT=<point>:<passes>`. */
let passesLeft = -1;

const SENT_AFTER_MS = 10;

export function faultPoint(point: FaultPoint): void {
  if (typeof FLUXHOOK_FAULT_BUILD === "undefined" || !FLUXHOOK_FAULT_BUILD) return;
  const [wanted, passes] = (process.env.FLUXHOOK_TEST_FAULT ?? "").split(":");
  if (wanted !== point) return;
  if (passesLeft < 0) passesLeft = Number(passes);
  if (passesLeft > 0) passesLeft -= 1;
  // A request is out a moment after fetch was called; the campaign's receiver answers later still.
  else if (point === "sent") setTimeout(end, SENT_AFTER_MS);
  else end();
}

function end(): void {
  process.kill(process.pid, "SIGKILL");
}
