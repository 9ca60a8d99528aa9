// What /readyz knows of the work on one queue: whether claims, settlements and heartbeats succeed, and
// whether what waits on the list is taken. Work that is only slow is progress: slow receivers, all slots
// in use, an empty list and backpressure are no reason to be not ready.
import { formatDuration } from "../wire/duration.ts";
import type { NotReadyCause } from "../wire/not-ready.ts";
import { redact } from "../wire/redact.ts";

/** Something that makes no progress for this long has stalled; it is the worker's lease and some more. */
const STALLED_AFTER_MS = 15_000;
/** An attempt ends within 30 s, and its settlement follows at once. */
const NOTHING_SETTLED_MS = 60_000;

export interface ClaimResult {
  /** Items that the claim returned, from wherever. */
  items: number;
  /** How many could have come from the list; 0 where the list was left alone. */
  maxFromList: number;
  /** Elements that are on the list now. */
  listLength: number;
  /** Keys that the claim had to pass over, each with the reason. */
  problems?: readonly string[];
}

interface Failing {
  since: number;
  error: unknown;
}

export class QueueProgress {
  private claimedAt: number;
  private claimError: unknown = null;
  private listStalled: { since: number; waiting: number } | null = null;
  private passedOver: { since: number; problem: string } | null = null;
  private beatAt: number;
  private beatError: unknown = null;
  private settleFailing: Failing | null = null;

  constructor(
    private readonly queue: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.claimedAt = this.now();
    this.beatAt = this.claimedAt;
  }

  joined(): void {
    this.notAsked();
    this.beat();
  }

  claimed({ items, maxFromList, listLength, problems = [] }: ClaimResult): void {
    const at = this.now();
    this.claimedAt = at;
    this.claimError = null;
    // Lanes, the schedule and the ready list come first: what they gave is work too.
    const isStalled = listLength > 0 && maxFromList > 0 && items === 0;
    this.listStalled = isStalled
      ? { since: this.listStalled?.since ?? at, waiting: listLength }
      : null;
    const [problem] = problems;
    this.passedOver =
      problem === undefined ? null : { since: this.passedOver?.since ?? at, problem };
  }

  claimFailed(error: unknown): void {
    this.claimError = error;
  }

  /** There is no room: nothing has to be claimed. */
  notAsked(): void {
    this.claimedAt = this.now();
    this.claimError = null;
    this.listStalled = null;
    this.passedOver = null;
  }

  beat(): void {
    this.beatAt = this.now();
    this.beatError = null;
  }

  beatFailed(error: unknown): void {
    this.beatError = error;
  }

  settled(): void {
    this.settleFailing = null;
  }

  settleFailed(error: unknown): void {
    this.settleFailing = { since: this.settleFailing?.since ?? this.now(), error };
  }

  /** Why this queue gets no work done; empty where it does. */
  causes(isJoined: boolean): NotReadyCause[] {
    const { queue } = this;
    const now = this.now();
    const causes: NotReadyCause[] = [];
    const add = (code: NotReadyCause["code"], message: string) =>
      causes.push({ code, queue, message });
    if (!isJoined) {
      const why = this.beatError === null ? "" : `: ${shownError(this.beatError)}`;
      add("not-joined", `the worker has not joined ${queue}${why}`);
      return causes;
    }
    if (now - this.beatAt >= STALLED_AFTER_MS) {
      const failed = `the heartbeat for ${queue} has not succeeded for ${seconds(now - this.beatAt)}`;
      add("heartbeat-failing", withError(failed, this.beatError));
    }
    if (now - this.claimedAt >= STALLED_AFTER_MS) {
      const nothing = `no claim from ${queue} has succeeded for ${seconds(now - this.claimedAt)}`;
      if (this.claimError === null) add("not-claiming", `${nothing}, and none was refused`);
      else add("claim-failing", withError(nothing, this.claimError));
    } else if (this.listStalled && now - this.listStalled.since >= STALLED_AFTER_MS) {
      const { since, waiting } = this.listStalled;
      add(
        "list-stalled",
        `${waiting} elements wait on ${queue}, there is room, and claims have taken none for ${seconds(now - since)}`,
      );
    }
    if (this.passedOver && now - this.passedOver.since >= STALLED_AFTER_MS) {
      const { since, problem } = this.passedOver;
      const part = `part of ${queue} has not been claimed from for ${seconds(now - since)}`;
      add("claim-failing", withError(part, problem));
    }
    if (this.settleFailing && now - this.settleFailing.since >= STALLED_AFTER_MS) {
      const { since, error } = this.settleFailing;
      const failed = `settling what was claimed from ${queue} has failed for ${seconds(now - since)}`;
      add("settle-failing", withError(failed, error));
    }
    return causes;
  }
}

export interface WorkerState {
  link: { isUp: boolean; lastProblem: string };
  claims: readonly { worker: string | null; progress: QueueProgress }[];
  capacity: { held: number; max: number; nothingSettledForMs: number };
}

/** Why a whole worker gets no work done; empty where it does. */
export function notReadyCauses({ link, claims, capacity }: WorkerState): NotReadyCause[] {
  if (!link.isUp) {
    return [{ code: "valkey-unreachable", queue: null, message: `Valkey: ${link.lastProblem}` }];
  }
  const causes = claims.flatMap(({ progress, worker }) => progress.causes(worker !== null));
  const { held, max, nothingSettledForMs } = capacity;
  if (held >= max && nothingSettledForMs >= NOTHING_SETTLED_MS) {
    const message = `all ${max} deliveries that FLUXHOOK_CONCURRENCY allows are claimed, and none was settled for ${seconds(nothingSettledForMs)}`;
    causes.push({ code: "nothing-settled", queue: null, message });
  }
  return causes;
}

const MAX_ERROR_LENGTH = 300;

/** Guarantee 9: it was made elsewhere, and /readyz asks for no token. */
function shownError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return redact(text).slice(0, MAX_ERROR_LENGTH);
}

function withError(message: string, error: unknown): string {
  return error === null ? message : `${message}; the last error: ${shownError(error)}`;
}

function seconds(ms: number): string {
  return formatDuration(Math.round(ms / 1_000) * 1_000);
}
