// Blocks until a list has an element, without reading it. `BLMOVE q q RIGHT RIGHT` blocks like BLPOP and
// does not change the list, but it replies with the element, which may have hundreds of megabytes. So CLIENT
// REPLY SKIP suppresses that reply, and LLEN follows it. All three go in one write; to the client they are one
// command with one reply.
import { Command, type Redis } from "iovalkey";
import type { Link } from "../connection/link.ts";
import { requestOf } from "../connection/script.ts";

/** `refused`: Valkey returned at once without an element; it refuses BLMOVE at its memory limit. */
export type Waited = "element" | "nothing" | "refused";

/** A wait that ends before this share of its time counts as refused. */
const WAITED_SHARE = 0.5;

export class BlindWait {
  /** False if the ACL denies CLIENT REPLY: then the element has to be received. */
  private mayHideReply = true;

  constructor(
    private readonly link: Link,
    private readonly list: string,
    private readonly end: "RIGHT" | "LEFT",
  ) {}

  /** @throws ValkeyUnavailable, ValkeyFull, or Valkey's error if the key is not a list */
  async forElement(blockS: number): Promise<Waited> {
    const { list, end } = this;
    const move = ["BLMOVE", list, list, end, end, String(blockS)] as const;
    if (!this.mayHideReply) {
      const [command, ...args] = move;
      const element = await this.link.run((client) => client.callBuffer(command, args));
      return element === null ? "nothing" : "element";
    }
    const startedAt = performance.now();
    try {
      const length = await this.link.run((client) => send(client, new HiddenMove(list, move)));
      if (length > 0) return "element";
      const waitedMs = performance.now() - startedAt;
      return waitedMs < blockS * 1_000 * WAITED_SHARE ? "refused" : "nothing";
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("NOPERM ")) {
        this.mayHideReply = false;
        // Valkey now sends three replies, and the client expects one.
        this.link.reset("CLIENT REPLY is not allowed");
        return "refused";
      }
      throw error;
    }
  }
}

function send(client: Redis, command: HiddenMove): Promise<number> {
  client.sendCommand(command);
  return command.promise as Promise<number>;
}

class HiddenMove extends Command {
  constructor(
    private readonly list: string,
    private readonly move: readonly [string, ...string[]],
  ) {
    super("LLEN", [list]);
  }

  override toWritable(): string {
    const [command, ...args] = this.move;
    return [
      requestOf("CLIENT", ["REPLY", "SKIP"]),
      requestOf(command, args),
      requestOf("LLEN", [this.list]),
    ].join("");
  }
}
