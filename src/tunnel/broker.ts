// Forwards requests to the client of a session of `fluxhook listen`, and its answers back. The client may
// poll another replica, so both go through Valkey; wake-ups say when to read it.
import type { OwnerRef } from "../wire/owner.ts";
import {
  endToEnd,
  HEARTBEAT_MS,
  listenAnswerSchema,
  listenRequestSchema,
  type ListenAnswer,
  type ListenBatch,
  type ListenRequest,
} from "../wire/tunnel.ts";
import { readObject } from "../valkey/foreign.ts";
import { WakeUps } from "../valkey/connection/wake-ups.ts";
import {
  TunnelStore,
  type CreatedSession,
  type TunnelStoreOptions,
  type NewSession,
  type SessionRecord,
} from "../valkey/tunnel/tunnel-store.ts";
import { Link } from "../valkey/connection/link.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";

/** Long enough for a body of 5 MiB. */
const DEADLINE_MS = 3_000;
/** Reads Valkey at least this often, in case a wake-up was lost or the client went away. */
const LOOK_EVERY_MS = 2_000;

export type RequestToForward = Omit<ListenRequest, "id" | "body"> & { body: Uint8Array };

/** The result of forwarding a request. */
export type ForwardOutcome =
  | { kind: "answered"; answer: Omit<ListenAnswer, "id" | "body"> & { body: Buffer<ArrayBuffer> } }
  /** The client is away; the request waits in the session. */
  | { kind: "waiting" }
  /** No answer came in time; the request was withdrawn. */
  | { kind: "late" }
  | { kind: "full" }
  | { kind: "ended" };

export interface TunnelBrokerOptions extends TunnelStoreOptions {
  url: string;
  prefix: string;
  onError: (error: unknown) => void;
}

export class TunnelBroker {
  readonly store: TunnelStore;
  private readonly link: Link;
  private readonly wakeUps: WakeUps;
  private isClosing = false;
  private waiters = 0;
  private onReleased: (() => void) | null = null;

  constructor({ url, prefix, onError, ...limits }: TunnelBrokerOptions) {
    this.link = new Link({ url, name: "fluxhook-listen", deadlineMs: DEADLINE_MS });
    this.store = new TunnelStore(this.link, prefix, limits);
    this.wakeUps = new WakeUps({
      url,
      name: "fluxhook-listen-bell",
      channel: this.store.channel,
      onError,
    });
  }

  get sessionTtlMs(): number {
    return this.store.sessionTtlMs;
  }

  open(): this {
    this.link.open();
    return this;
  }

  whenUp(): Promise<boolean> {
    return this.link.whenUp();
  }

  /** Ends every wait for an answer with `waiting`: the request stays in the session, for any replica. */
  async release(): Promise<void> {
    this.isClosing = true;
    this.wakeUps.close();
    if (this.waiters > 0) await new Promise<void>((resolve) => (this.onReleased = resolve));
    // The callers write their responses in this turn of the event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  close(): void {
    this.wakeUps.close();
    this.link.close();
  }

  create(session: NewSession): Promise<CreatedSession> {
    return this.store.create(session);
  }

  find(id: string): Promise<SessionRecord | null> {
    return this.store.find(id);
  }

  remove(id: string): Promise<void> {
    return this.store.remove(id);
  }

  /** Returns how many sessions the owner had. */
  removeOf(owner: OwnerRef): Promise<number> {
    return this.store.removeOf(owner);
  }

  /**
   * Forwards a request and waits for its answer until `signal` is aborted.
   * @throws ValkeyUnavailable or ValkeyFull if the session did not accept the request.
   */
  async forward(
    session: string,
    { body, ...head }: RequestToForward,
    signal: AbortSignal,
  ): Promise<ForwardOutcome> {
    const pushed = await this.store.push(session, JSON.stringify(head), body);
    if (pushed.kind !== "pushed") return pushed;
    if (!pushed.isConnected) return { kind: "waiting" };
    const { id } = pushed;
    const subscription = this.wakeUps.subscribe(`${session} ${id}`);
    this.waiters += 1;
    try {
      while (!signal.aborted) {
        if (this.isClosing) return { kind: "waiting" };
        const taken = await this.take(session, id);
        if (taken !== null) return taken;
        await subscription.next(LOOK_EVERY_MS, signal);
      }
    } finally {
      subscription.close();
      this.waiters -= 1;
      if (this.waiters === 0) this.onReleased?.();
    }
    await unlessUnavailable(this.store.withdraw(session, id));
    return { kind: "late" };
  }

  /** Returns requests; waits up to `waitMs` for the first one. Null: the session has ended. */
  async poll(
    session: string,
    { after, limit, waitMs }: { after: string; limit: number; waitMs: number },
  ): Promise<ListenBatch | null> {
    const endsAtMs = performance.now() + Math.min(waitMs, HEARTBEAT_MS);
    const subscription = this.wakeUps.subscribe(session);
    try {
      for (;;) {
        const polled = await this.store.poll(session, after, limit);
        if (polled.kind === "ended") return null;
        const leftMs = endsAtMs - performance.now();
        const requests = polled.requests.flatMap(toWire);
        if (requests.length > 0 || leftMs <= 0 || limit === 0 || this.isClosing) {
          return { requests, expired: polled.expired };
        }
        await subscription.next(Math.min(leftMs, LOOK_EVERY_MS));
      }
    } finally {
      subscription.close();
    }
  }

  answer(
    session: string,
    { id, body, ...head }: ListenAnswer,
  ): Promise<"taken" | "nobody" | "ended"> {
    const text = Buffer.concat([
      Buffer.from(`${JSON.stringify(head)}\n`),
      Buffer.from(body, "base64"),
    ]);
    return this.store.answer(session, id, text);
  }

  private async take(session: string, id: string): Promise<ForwardOutcome | null> {
    // The request was accepted, so an outage of Valkey is not its failure.
    const taken = await unlessUnavailable(this.store.take(session, id));
    switch (taken?.kind) {
      case "answered":
        return { kind: "answered", answer: readAnswer(taken.text) };
      case "away":
        return { kind: "waiting" };
      case "ended":
        return { kind: "ended" };
      default:
        return null;
    }
  }
}

async function unlessUnavailable<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof ValkeyUnavailable) return null;
    throw error;
  }
}

/** Returns [] if another program damaged the request: it expires without an answer. */
function toWire({ id, head, body }: { id: string; head: string; body: Buffer }): ListenRequest[] {
  const read = headSchema.safeParse(readObject(Buffer.from(head)));
  return read.success ? [{ id, ...read.data, body: body.toString("base64") }] : [];
}

const headSchema = listenRequestSchema.omit({ id: true, body: true });
const answerHeadSchema = listenAnswerSchema.pick({ status: true, headers: true });

function readAnswer(text: Buffer): Extract<ForwardOutcome, { kind: "answered" }>["answer"] {
  const end = text.indexOf("\n");
  const read = answerHeadSchema.safeParse(readObject(text.subarray(0, Math.max(end, 0))));
  if (!read.success) return { status: 502, headers: [], body: Buffer.alloc(0) };
  const { status, headers } = read.data;
  return {
    status,
    headers: endToEnd(headers.map(({ name, value }) => [name, value] as const)),
    body: Buffer.from(text.subarray(end + 1)),
  };
}
