// Blocks until a list has an element, without the element: `BLMOVE q q RIGHT RIGHT` blocks like BLPOP
// and leaves the list as it is, but it answers the element, and that may have hundreds of megabytes.
// So the server is told to send no reply to it, and is asked for the list's length behind it. All three
// go in one write and are one command to the client, with the one reply that comes.
import { Command, type Redis } from "iovalkey";
import type { Link } from "../connection/link.ts";
import { requestOf } from "../connection/script.ts";

/** `refused`: it did not wait, and nothing is there; at the memory limit BLMOVE is refused. */
export type Waited = "element" | "nothing" | "refused";

/** A wait that ended before half of its time was none. */
const WAITED_SHARE = 0.5;

export class BlindWait {
  /** Where the user may not call CLIENT REPLY, the element has to be taken in. */
  private mayHideReply = true;

  constructor(
    private readonly link: Link,
    private readonly list: string,
    private readonly end: "RIGHT" | "LEFT",
  ) {}

  /** @throws ValkeyUnavailable, ValkeyFull, or what Valkey answers where the key is no list */
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
        // Three replies come now, where the client waits for one.
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
