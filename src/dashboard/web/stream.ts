// The stream of attempts in this tab. A browser opens six connections to an origin over all its tabs
// (HTTP/1.1), so at most three tabs hold one open: each takes one of three locks. The other tabs ask every
// two seconds for what they have missed, and take over when a lock is free.
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { urlOf } from "./boot.ts";
import { noteAnswer, noteNoAnswer, refusal, refusedOf, type Refused } from "./client.ts";
import { session } from "./session.ts";

/**
 * `asking`: another three tabs hold a stream, or something on the way withholds it. `full`: the service has
 * as many viewers as it may have.
 */
export type StreamMode = "connecting" | "live" | "asking" | "away" | "full";

export interface StreamOptions {
  /** `?user_id=u_1&outcome=failed` */
  search: string;
  onEvent: (event: string, data: unknown) => void;
  onMode: (mode: StreamMode) => void;
  /** What the service says to this request; the stream has ended. */
  onRefused: (refused: Refused) => void;
}

const LOCKS = ["fluxhook:stream:1", "fluxhook:stream:2", "fluxhook:stream:3"];
const ASK_EVERY_MS = 2_000;
/** The first event comes with the answer: without it, a proxy collects the answer. */
const FIRST_EVENT_MS = 3_000;
/** The service sends a comment every 5 s. */
const SILENCE_MS = 15_000;
const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
/** An id that no attempt has: the answer begins with all that is kept. */
const BEGINNING = "0";

/** Returns the function that ends it. */
export function openStream(options: StreamOptions): () => void {
  const stream = new TabStream(options);
  void stream.run();
  return () => stream.close();
}

class TabStream {
  private readonly closed = new AbortController();
  private last = "";
  private failures = 0;
  private isWithheld = false;

  constructor(private readonly options: StreamOptions) {}

  close(): void {
    this.closed.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.closed;
    try {
      while (!signal.aborted) {
        // A tab that nobody sees leaves its place to another.
        if (document.hidden) await untilVisible(signal);
        else if (!(await this.holdIfFree())) await this.ask();
      }
    } catch (error) {
      if (!signal.aborted) this.options.onRefused(refusedOf(error));
    }
  }

  private async holdIfFree(): Promise<boolean> {
    const release = this.isWithheld ? null : await takeLock();
    if (release === null) return false;
    const { signal } = this.closed;
    try {
      while (!signal.aborted && !document.hidden && !this.isWithheld) {
        if (await this.read("", () => this.options.onMode("live"))) this.failures = 0;
        if (!signal.aborted && !document.hidden) await pause(this.pauseMs(), signal);
      }
    } finally {
      release();
    }
    return true;
  }

  /** What was missed since the last time: the same stream, which ends at once. */
  private async ask(): Promise<void> {
    await this.read("for_s=0", () => this.options.onMode("asking"));
    await pause(ASK_EVERY_MS, this.closed.signal);
  }

  /** Reads one answer to its end. Returns false if there was none. @throws Refused */
  private async read(parameter: string, onOpen: () => void): Promise<boolean> {
    const gone = new AbortController();
    const hidden = () => document.hidden && gone.abort();
    document.addEventListener("visibilitychange", hidden);
    const silence = new Silence(() => gone.abort());
    const search = [this.options.search.replace(/^\?/, ""), parameter].filter(Boolean).join("&");
    const isAsking = parameter !== "";
    try {
      const response = await fetch(urlOf(`/v1/stream?${search}`), {
        headers: this.headers(isAsking),
        credentials: "omit",
        cache: "no-store",
        signal: AbortSignal.any([this.closed.signal, gone.signal]),
      });
      if (!response.ok || !response.body) return this.refused(response);
      noteAnswer(response.status);
      silence.within(FIRST_EVENT_MS);
      await this.readBody(response.body, silence, onOpen);
      return true;
    } catch (error) {
      if (this.closed.signal.aborted || document.hidden) return true;
      if (isRefused(error)) throw error;
      if (silence.hasPassed && silence.isFirst) this.isWithheld = true;
      else if (!silence.hasPassed) noteNoAnswer();
      this.options.onMode("away");
      return false;
    } finally {
      silence.end();
      document.removeEventListener("visibilitychange", hidden);
    }
  }

  /** Returns false if it may pass. @throws Refused */
  private async refused(response: Response): Promise<boolean> {
    const { status } = response;
    const refused = refusal(status, await response.text(), undefined);
    if (status !== 503) throw refused;
    const isFull = refused.kind === "too-many-viewers";
    if (!isFull) noteAnswer(status);
    this.options.onMode(isFull ? "full" : "away");
    return false;
  }

  private headers(isAsking: boolean): Record<string, string> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    const token = session.value?.token;
    if (token !== undefined) headers.Authorization = `Bearer ${token}`;
    const last = this.last || (isAsking ? BEGINNING : "");
    if (last !== "") headers["Last-Event-ID"] = last;
    return headers;
  }

  private async readBody(
    body: ReadableStream<Uint8Array>,
    silence: Silence,
    onOpen: () => void,
  ): Promise<void> {
    const parser = createParser({ onEvent: (message) => this.take(message, onOpen) });
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      silence.within(SILENCE_MS);
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  private take({ event = "message", data, id }: EventSourceMessage, onOpen: () => void): void {
    if (event === "hello") onOpen();
    if (id) this.last = id;
    this.options.onEvent(event, JSON.parse(data) as unknown);
  }

  private pauseMs(): number {
    const longest = Math.min(MIN_PAUSE_MS * 2 ** this.failures, MAX_PAUSE_MS);
    this.failures += 1;
    return longest * (0.5 + Math.random() / 2);
  }
}

/** Calls once if nothing came within the time. */
class Silence {
  hasPassed = false;
  /** Nothing has come yet. */
  isFirst = true;
  private calls = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onSilence: () => void) {}

  within(ms: number): void {
    this.end();
    this.calls += 1;
    this.isFirst = this.calls === 1;
    this.timer = setTimeout(() => {
      this.hasPassed = true;
      this.onSilence();
    }, ms);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

/** Returns what gives the lock back; null if all are taken. */
async function takeLock(): Promise<(() => void) | null> {
  // Missing on plain http beyond localhost: there each tab streams.
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) return () => {};
  for (const name of LOCKS) {
    const release = await tryLock(locks, name);
    if (release) return release;
  }
  return null;
}

function tryLock(locks: LockManager, name: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(null);
        return new Promise<void>((release) => resolve(release));
      })
      // In a frame of another site, where the browser keeps nothing for it.
      .catch(() => resolve(() => {}));
  });
}

function untilVisible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      document.removeEventListener("visibilitychange", done);
      resolve();
    };
    document.addEventListener("visibilitychange", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

function isRefused(error: unknown): error is Refused {
  return error instanceof Error && "kind" in error && "status" in error;
}
