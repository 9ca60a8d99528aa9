// The receiver as the harness sees it.
import { join } from "node:path";
import { Child } from "./child.ts";
import { pinned, type Pins } from "./machine.ts";

/**
 * `count`: 204; `latency`: the same, keeping how long each event took from its push; `noise`: /hang
 * never answers, all else is 500; `flaky`: a fifth is 500.
 */
export type ReceiverMode = "count" | "latency" | "noise" | "flaky";

export interface TlsFiles {
  cert: string;
  key: string;
}

export interface Latencies {
  requests: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
}

const FILE = join(import.meta.dir, "receiver-process.ts");
/** The next mark is a fraction of a run away; what takes longer has stalled. */
const STALLED_MS = 120_000;

export class Receiver implements AsyncDisposable {
  private constructor(
    private readonly child: Child,
    /** Without a path. A name, not an address: a certificate is for one. */
    readonly base: string,
  ) {}

  static async start(mode: ReceiverMode, pins: Pins, tls?: TlsFiles): Promise<Receiver> {
    const args = [process.execPath, FILE, mode, ...(tls ? [tls.cert, tls.key] : [])];
    const child = Child.spawn("the receiver", pinned(args, "receiver", pins));
    const { port } = await child.next((message) => "port" in message);
    const base = tls ? `https://localhost:${String(port)}` : `http://127.0.0.1:${String(port)}`;
    return new Receiver(child, base);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Counts anew, and says when it has had so many; of events pushed since `fromMs` only. */
  expect(marks: readonly number[], fromMs = 0): void {
    this.child.send({ expect: marks, from_ms: fromMs });
  }

  /** When the next mark was reached, by the receiver's own clock. */
  async mark(count: number, withinMs = STALLED_MS): Promise<number> {
    const message = await this.child.next(({ mark }) => mark === count, { withinMs });
    return Number(message.at_ms);
  }

  async read(): Promise<Latencies> {
    this.child.send({ read: true });
    const message = await this.child.next((one) => "requests" in one);
    return {
      requests: Number(message.requests),
      // Without any, JSON has null for them.
      p50Ms: Number(message.p50_ms ?? Number.NaN),
      p99Ms: Number(message.p99_ms ?? Number.NaN),
      p999Ms: Number(message.p999_ms ?? Number.NaN),
      maxMs: Number(message.max_ms ?? Number.NaN),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}
