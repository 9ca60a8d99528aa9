// Stores what runs have come to, in groups: what comes while a group is under way is the next group.
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { retryWhileAway, type Reconnecting } from "../../valkey/connection/retry.ts";
import type {
  Advance,
  AdvanceReply,
  ExecutionStore,
} from "../../valkey/inbound/execution-store.ts";
import { ENDED_STATES } from "../../wire/workflow/execution.ts";
import { GroupWriter } from "../../worker/settle/group.ts";

interface Entry extends PromiseWithResolvers<AdvanceReply> {
  advance: Advance;
}

const MAX_IN_GROUP = 128;
/** Results are as large as FLUXHOOK_MAX_OUTPUT_BYTES allows. */
const MAX_CHARACTERS_IN_GROUP = 4 * 1024 * 1024;
/** Group commit: under load an entry waits up to this long for others. */
const GROUP_WAIT_MS = 1;
const ENOUGH_IN_GROUP = 8;

export class Advances {
  private readonly groups: GroupWriter<Entry>;

  constructor(
    private readonly store: Pick<ExecutionStore, "advance">,
    private readonly link: Reconnecting,
    /** Called with how many of a group have ended their execution. */
    private readonly onEnded: (count: number) => void,
  ) {
    this.groups = new GroupWriter({
      take: takeGroup,
      write: (group) => this.write(group),
      waitMs: GROUP_WAIT_MS,
      enough: ENOUGH_IN_GROUP,
    });
  }

  /** Resolves when it is stored. Outages end by themselves. */
  save(advance: Advance): Promise<AdvanceReply> {
    const entry = { advance, ...Promise.withResolvers<AdvanceReply>() };
    this.groups.add(entry);
    return entry.promise;
  }

  private async write(group: readonly Entry[]): Promise<void> {
    try {
      const replies = await retryWhileAway(this.link, () =>
        this.store.advance(group.map(({ advance }) => advance)),
      );
      for (const [at, entry] of group.entries()) entry.resolve(replies[at] ?? "gone");
      const ended = group.filter(({ advance }) => ENDED_STATES.has(advance.state));
      if (ended.length > 0) this.onEnded(ended.length);
    } catch (error) {
      // A key of one of them holds something else: the others are stored alone.
      if (group.length === 1 || error instanceof ValkeyUnavailable) {
        for (const entry of group) entry.reject(error);
      } else {
        for (const entry of group) await this.write([entry]);
      }
    }
  }
}

function takeGroup(pending: Entry[]): Entry[] {
  let length = 0;
  let characters = 0;
  while (length < Math.min(MAX_IN_GROUP, pending.length)) {
    characters += sizeOf(pending[length]);
    if (length > 0 && characters > MAX_CHARACTERS_IN_GROUP) break;
    length += 1;
  }
  return pending.splice(0, length);
}

function sizeOf(entry: Entry | undefined): number {
  return entry?.advance.set.reduce((sum, [, value]) => sum + value.length, 0) ?? 0;
}
