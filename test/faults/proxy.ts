// A TCP proxy between a worker and Valkey that breaks the connection in the ways that networks do.
// It reads RESP only as far as it must, to lose the reply of a script or transaction that Valkey has run.
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Script } from "../../src/valkey/connection/script.ts";

export interface DropRule {
  /** The script that is called, or a command. */
  call: Pick<Script, "sha"> | "exec";
  /** Only calls that have this among their arguments: a settle's verb. */
  withArgument?: string;
  /** Every so many of these calls lose their reply. */
  every: number;
}

interface Rule extends DropRule {
  calls: number;
  dropped: number;
}

interface Pair {
  client: Socket;
  upstream: Socket;
  /** For each command under way whether its reply gets lost, the oldest first. */
  losses: boolean[];
  /** Commands that come and get no reply: CLIENT REPLY SKIP and the one behind it. */
  withoutReply: number;
  muted: boolean;
}

export class ValkeyProxy {
  private readonly pairs = new Set<Pair>();
  private rules: Rule[] = [];
  private refusing = false;
  connections = 0;

  private constructor(
    private readonly server: Server,
    private readonly upstreamPort: number,
  ) {
    server.on("connection", (client: Socket) => this.accept(client));
  }

  static async start(upstreamPort: number): Promise<ValkeyProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new ValkeyProxy(server, upstreamPort);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** RST on every connection, to both sides, whatever is under way. */
  resetAll(): void {
    for (const pair of this.pairs) this.reset(pair);
  }

  /** New connections are reset at once, or no longer. */
  refuse(refusing: boolean): void {
    this.refusing = refusing;
  }

  /** A tunnel that looks alive: commands get through, but on these connections no reply ever will. */
  mute(): void {
    for (const pair of this.pairs) pair.muted = true;
  }

  /** From now on Valkey runs these calls, and their caller sees a reset in place of the reply. */
  dropReplies(rules: readonly DropRule[]): void {
    this.rules = rules.map((rule) => ({ ...rule, calls: 0, dropped: 0 }));
  }

  /** How many replies each rule has lost. */
  get dropped(): number[] {
    return this.rules.map((rule) => rule.dropped);
  }

  stopDropping(): void {
    for (const rule of this.rules) rule.every = Number.POSITIVE_INFINITY;
  }

  async stop(): Promise<void> {
    this.resetAll();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: Socket): void {
    client.on("error", () => {});
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    this.connections += 1;
    const upstream = connect({ port: this.upstreamPort, host: "127.0.0.1", noDelay: true });
    const pair: Pair = { client, upstream, losses: [], withoutReply: 0, muted: false };
    this.pairs.add(pair);
    const commands = new RespSplitter();
    const replies = new RespSplitter();
    client.on("data", (chunk: Buffer) => {
      for (const command of commands.take(chunk)) {
        if (command.includes("REPLY\r\n$4\r\nSKIP")) pair.withoutReply = 2;
        if (pair.withoutReply > 0) pair.withoutReply -= 1;
        else pair.losses.push(this.isLost(command));
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      if (pair.muted) return;
      for (const reply of replies.take(chunk)) {
        if (pair.losses.shift() === true) {
          this.reset(pair);
          return;
        }
        client.write(reply);
      }
    });
    upstream.on("error", () => {});
    for (const socket of [client, upstream]) socket.on("close", () => this.reset(pair));
  }

  private isLost(command: Buffer): boolean {
    let isLost = false;
    for (const rule of this.rules) {
      if (!isCall(command, rule.call)) continue;
      if (rule.withArgument && !command.includes(argument(rule.withArgument))) continue;
      rule.calls += 1;
      if (rule.calls % rule.every !== 0 || isLost) continue;
      rule.dropped += 1;
      isLost = true;
    }
    return isLost;
  }

  private reset(pair: Pair): void {
    if (!this.pairs.delete(pair)) return;
    pair.client.resetAndDestroy();
    pair.upstream.resetAndDestroy();
  }
}

function isCall(command: Buffer, call: DropRule["call"]): boolean {
  if (typeof call === "string") return command.indexOf(argument(call)) === "*1\r\n".length;
  return command.includes("EVALSHA") && command.includes(call.sha);
}

function argument(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

const STAR = 0x2a;
const DOLLAR = 0x24;

/** Cuts a RESP2 stream into whole commands or replies. */
class RespSplitter {
  private buffer: Buffer = Buffer.alloc(0);
  /** How far the frame at the buffer's start has been read, and how many values it still lacks. */
  private at = 0;
  private lacks = 1;

  take(chunk: Buffer): Buffer[] {
    this.buffer = this.buffer.length === 0 ? chunk : Buffer.concat([this.buffer, chunk]);
    const frames: Buffer[] = [];
    while (this.readValue()) {
      if (this.lacks > 0) continue;
      frames.push(this.buffer.subarray(0, this.at));
      this.buffer = this.buffer.subarray(this.at);
      this.at = 0;
      this.lacks = 1;
    }
    return frames;
  }

  /** Goes on by one value, or by the head of an array; false where more bytes must come first. */
  private readValue(): boolean {
    const lineEnd = this.buffer.indexOf("\r\n", this.at);
    if (lineEnd < 0) return false;
    const type = this.buffer[this.at];
    const length = Number(this.buffer.toString("latin1", this.at + 1, lineEnd));
    const end = lineEnd + 2 + (type === DOLLAR && length >= 0 ? length + 2 : 0);
    if (end > this.buffer.length) return false;
    this.at = end;
    this.lacks += type === STAR ? Math.max(0, length) - 1 : -1;
    return true;
  }
}
