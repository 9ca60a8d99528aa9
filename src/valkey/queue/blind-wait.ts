// Waits until a list has an element, and claims it in the same request. A blocking command replies with the
// element, which may have hundreds of megabytes, so CLIENT REPLY SKIP suppresses that reply, and a command that has
// one follows it. All go in one write; to the client they are one command with one reply.
import { Command, type Redis } from "iovalkey";
import { ValkeyUnavailable } from "../connection/errors.ts";
import type { Link } from "../connection/link.ts";
import { requestOf, Script } from "../connection/script.ts";
import type { QueueKeys } from "../keys.ts";
import claimNextText from "../scripts/claim-next.lua" with { type: "text" };
import { readNextReply, type ClaimReply } from "./claim-reply.ts";
import type { Cut } from "./claimed.ts";

export const claimNextScript = new Script(claimNextText);

/** `refused`: Valkey returned at once without an element; it refuses BLMOVE at its memory limit. */
export type Waited = "element" | "nothing" | "refused";

/** A wait that ends before this share of its time counts as refused. */
const WAITED_SHARE = 0.5;

export interface NextClaimRequest {
  worker: string;
  /** As that of a claim, counted on its own. */
  number: number;
  maxItems: number;
  maxBytes: number;
  reportLimit: number;
  cut: Cut;
}

type Move = readonly ["BLMOVE", ...string[]];

export class BlindWait {
  /** False if the ACL denies CLIENT REPLY: then the element has to be received. */
  private mayHideReply = true;

  constructor(
    private readonly link: Link,
    private readonly keys: QueueKeys,
    private readonly end: "RIGHT" | "LEFT",
  ) {}

  /**
   * Waits until the list has an element, and leaves it there: `BLMOVE q q RIGHT RIGHT` blocks like BLPOP. All that
   * wait for one element wake up.
   * @throws ValkeyUnavailable, ValkeyFull, or Valkey's error if the key is not a list
   */
  async forElement(blockS: number): Promise<Waited> {
    const { keys, end } = this;
    const startedAt = performance.now();
    const length = await this.behind(
      ["BLMOVE", keys.queue, keys.queue, end, end, String(blockS)],
      (client, before) => send(client, new LengthBehind(keys.queue, before)),
    );
    if (length > 0) return "element";
    return this.wasRefused(blockS, startedAt) ? "refused" : "nothing";
  }

  /**
   * Waits until the list has an element, and claims it with what is on the list by then. The wait moves the element to
   * `next`, so one element wakes one of those that wait. A wait of 0 s only claims.
   * @throws as `forElement`
   */
  async claim(
    blockS: number,
    request: NextClaimRequest,
  ): Promise<{ reply: ClaimReply; refused: boolean }> {
    const { keys } = this;
    const { worker, cut } = request;
    const startedAt = performance.now();
    const scriptKeys = [
      keys.queue,
      keys.workers,
      keys.worker(worker),
      keys.claims(worker),
      keys.next,
      keys.stats,
      keys.lanes,
      keys.paused,
    ];
    const { number, maxItems, maxBytes, reportLimit } = request;
    const args = [worker, number, maxItems, maxBytes, reportLimit, cut.over, cut.to];
    const move: Move = ["BLMOVE", keys.queue, keys.next, "RIGHT", "LEFT", String(blockS)];
    const answer = await this.behind(blockS > 0 ? move : null, (client, before) =>
      claimNextScript.run(client, scriptKeys, args, before),
    );
    return {
      reply: readNextReply(worker, answer as Buffer[], reportLimit > 0),
      refused: blockS > 0 && this.wasRefused(blockS, startedAt),
    };
  }

  private wasRefused(blockS: number, startedAt: number): boolean {
    return performance.now() - startedAt < blockS * 1_000 * WAITED_SHARE;
  }

  /** Sends the move, its reply suppressed, and behind it what `last` sends. */
  private async behind<T>(
    move: Move | null,
    last: (client: Redis, before: string) => Promise<T>,
  ): Promise<T> {
    if (move === null) return this.link.run((client) => last(client, ""));
    const [command, ...args] = move;
    if (!this.mayHideReply) {
      await this.link.run((client) => client.callBuffer(command, args));
      return this.link.run((client) => last(client, ""));
    }
    const before = `${HIDE_NEXT_REPLY}${String(requestOf(command, args))}`;
    try {
      return await this.link.run((client) => last(client, before));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOPERM ")) throw error;
      this.mayHideReply = false;
      // Valkey now sends three replies, and the client expects one.
      this.link.reset("CLIENT REPLY is not allowed");
      throw new ValkeyUnavailable("CLIENT REPLY is not allowed", { cause: error });
    }
  }
}

const HIDE_NEXT_REPLY = String(requestOf("CLIENT", ["REPLY", "SKIP"]));

function send(client: Redis, command: LengthBehind): Promise<number> {
  client.sendCommand(command);
  return command.promise as Promise<number>;
}

class LengthBehind extends Command {
  constructor(
    private readonly list: string,
    private readonly before: string,
  ) {
    super("LLEN", [list]);
  }

  override toWritable(): string {
    return String(requestOf("LLEN", [this.list], this.before));
  }
}
