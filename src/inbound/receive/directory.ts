// Every workflow's trigger in the memory of every replica: what a request is verified with. It follows the stream
// of changes. A request for a workflow that exists takes no other path than one for a workflow that does not.
import type { ChangeStream } from "../../valkey/connection/change-stream.ts";
import { retryWhileAway, type Reconnecting } from "../../valkey/connection/retry.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { WORKFLOW_CHANGED, type WorkflowStore } from "../../valkey/inbound/workflow-store.ts";
import type { Trigger } from "../../wire/workflow/trigger.ts";
import type { WorkflowRecord } from "../../wire/workflow/workflow.ts";
import { schemeOf } from "./schemes/registry.ts";
import type { Scheme } from "./schemes/scheme.ts";

export interface KnownWorkflow {
  id: string;
  revision: number;
  enabled: boolean;
  trigger: Trigger;
  scheme: Scheme;
  /** Returns the keys of the secrets that are valid at that time; none if it has no readable secret. */
  keysAt(nowMs: number): readonly Uint8Array[];
}

export interface DirectoryLog {
  error(fields: object, message: string): void;
}

export interface DirectoryOptions {
  store: Pick<WorkflowStore, "getAll" | "pages" | "version">;
  changes: ChangeStream;
  link: Reconnecting;
  log: DirectoryLog;
  /** Called with the first workflow that it learns of, once. */
  onFirst: () => void;
}

/** A change whose process died before it announced it takes effect after this. */
const CHECK_EVERY_MS = 30_000;

export class WorkflowDirectory {
  #workflows = new Map<string, KnownWorkflow>();
  readonly #outdated = new Set<string>();
  #isOutdated = true;
  #isFollowing = false;
  #isReading = false;
  #isClosed = false;
  #hasAny = false;
  /** The version that the workflows had when they were all read, and the changes since. */
  #version = 0;
  #changes = 0;
  #waiters: (() => void)[] = [];
  readonly #timer: Timer;

  constructor(private readonly options: DirectoryOptions) {
    options.changes.subscribe({
      onFollowing: () => {
        this.#isFollowing = true;
        this.#isOutdated = true;
        void this.#read();
      },
      // What it knows stays, so that requests are still verified; they are answered 503.
      onLost: () => (this.#isFollowing = false),
      onChange: ({ kind, id }) => {
        if (kind !== WORKFLOW_CHANGED) return;
        this.#changes += 1;
        this.#outdated.add(id);
        void this.#read();
      },
    });
    this.#timer = setInterval(() => void this.#check(), CHECK_EVERY_MS);
    this.#timer.unref();
  }

  /** Whether it knows every change that was announced. */
  get isCurrent(): boolean {
    return this.#isFollowing && !this.#isReading && !this.#isOutdated;
  }

  get(id: string): KnownWorkflow | undefined {
    return this.#workflows.get(id);
  }

  /** Resolves to whether it was current within that time. */
  async whenCurrent(withinMs: number): Promise<boolean> {
    if (this.isCurrent) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#waiters.push(resolve);
    await promise;
    clearTimeout(timer);
    return this.isCurrent;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#notify();
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (!this.#isClosed && (this.#isOutdated || this.#outdated.size > 0)) {
        await retryWhileAway(
          this.options.link,
          () => (this.#isOutdated ? this.#readAll() : this.#readOutdated()),
          () => this.#isClosed,
        );
      }
    } catch (error) {
      this.#isOutdated = true;
      // The link was closed: the process stops.
      if (!(error instanceof ValkeyUnavailable)) {
        this.options.log.error({ err: error }, "workflows.unread");
      }
    } finally {
      this.#isReading = false;
    }
    this.#notify();
  }

  async #readAll(): Promise<void> {
    this.#isOutdated = false;
    this.#outdated.clear();
    this.#changes = 0;
    try {
      this.#version = await this.options.store.version();
      const workflows = new Map<string, KnownWorkflow>();
      for await (const page of this.options.store.pages()) {
        for (const record of page) workflows.set(record.id, known(record));
      }
      this.#workflows = workflows;
      this.#notice();
    } catch (error) {
      this.#isOutdated = true;
      throw error;
    }
  }

  async #readOutdated(): Promise<void> {
    const ids = [...this.#outdated];
    // Before the read: one that changes during the read is read once more.
    this.#outdated.clear();
    let records: WorkflowRecord[];
    try {
      records = await this.options.store.getAll(ids);
    } catch (error) {
      this.#isOutdated = true;
      throw error;
    }
    const found = new Map(records.map((record) => [record.id, record]));
    for (const id of ids) {
      const record = found.get(id);
      if (record) this.#workflows.set(id, known(record));
      else this.#workflows.delete(id);
    }
    this.#notice();
  }

  #notice(): void {
    if (this.#hasAny || this.#workflows.size === 0) return;
    this.#hasAny = true;
    this.options.onFirst();
  }

  /** Reads all again if there was a change that nobody announced. */
  async #check(): Promise<void> {
    if (!this.isCurrent) return;
    try {
      if ((await this.options.store.version()) === this.#version + this.#changes) return;
      this.#isOutdated = true;
      await this.#read();
    } catch (error) {
      if (!(error instanceof ValkeyUnavailable)) {
        this.options.log.error({ err: error }, "workflows.unread");
      }
    }
  }

  #notify(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

const encoder = new TextEncoder();

function known({ id, revision, enabled, trigger, secrets }: WorkflowRecord): KnownWorkflow {
  const scheme = schemeOf(trigger);
  const keyOf = scheme.key ?? ((secret) => encoder.encode(secret));
  const keys = secrets.flatMap(({ secret, expires_at }) => {
    const key = keyFrom(secret, keyOf);
    return key === null
      ? []
      : [{ key, endMs: expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at) }];
  });
  const all = keys.map(({ key }) => key);
  // Outside of a rotation no list is made for a request.
  const isRotating = keys.some(({ endMs }) => endMs !== Number.POSITIVE_INFINITY);
  return {
    id,
    revision,
    enabled,
    trigger,
    scheme,
    keysAt: (nowMs) =>
      isRotating ? keys.filter(({ endMs }) => endMs > nowMs).map(({ key }) => key) : all,
  };
}

/** Null for `whsec_` before something that is not base64: no sender could sign with it. */
function keyFrom(secret: string, keyOf: (secret: string) => Uint8Array): Uint8Array | null {
  try {
    return keyOf(secret);
  } catch {
    return null;
  }
}
