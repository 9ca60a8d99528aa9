// The API in process on stores in memory: for the shape of its answers. The stores on Valkey have
// tests of their own.
import { createApi } from "../../src/api/app.ts";
import type { Identify } from "../../src/api/auth/authenticate.ts";
import type { ApiDeps, ApiStores } from "../../src/api/deps.ts";
import { createGuard } from "../../src/delivery/guard/guard.ts";
import { NO_HEALTH } from "../../src/control/webhook-changes.ts";
import { MAX_SESSIONS, type NewSession } from "../../src/valkey/tunnel/tunnel-store.ts";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import type { OwnerRef } from "../../src/wire/owner.ts";
import {
  ownerOf,
  WEBHOOKS_PER_OWNER,
  type WebhookHealth,
  type WebhookRecord,
} from "../../src/wire/webhook.ts";

export const TOKEN = "test-token-of-24-characters";
const START_MS = Date.parse("2026-01-02T03:04:05.678Z");

export interface MemoryApi {
  /** With the token, and with `json` as the body where it is given. */
  call(
    method: string,
    path: string,
    json?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** The request as it is. */
  raw(path: string, init?: RequestInit): Promise<Response>;
  deps: ApiDeps;
  app: ReturnType<typeof createApi>;
  /** What the intake was given, in order. */
  pushed: string[];
  records: Map<string, WebhookRecord>;
  health: Map<string, WebhookHealth>;
  logs: Map<OwnerRef, LogEntry[]>;
  rejected: unknown[];
  /** What was asked to be requeued. */
  requeues: { which: readonly string[] | "all"; limit: number }[];
  /** The tests that were sent; `answer` ends one. */
  tests: { webhookId: string; eventId: string; answer: () => void }[];
  logged: { level: "error" | "info"; fields: object; message: string }[];
  /** Every store method throws it from now on. */
  failWith(error: Error): void;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body's members; empty where it is not a JSON object. */
  body: Record<string, unknown>;
}

export function memoryApi(
  overrides: Partial<ApiDeps["config"]> = {},
  identify?: Identify,
): MemoryApi {
  const pushed: string[] = [];
  const keys = new Map<string, { fingerprint: string; ids: readonly string[] }>();
  const records = new Map<string, WebhookRecord>();
  const sessions = new Map<string, NewSession>();
  const health = new Map<string, WebhookHealth>();
  const logs = new Map<OwnerRef, LogEntry[]>();
  const rejected: unknown[] = [];
  const requeues: MemoryApi["requeues"] = [];
  const tests: MemoryApi["tests"] = [];
  const logged: MemoryApi["logged"] = [];
  let failure: Error | null = null;
  let clockMs = START_MS;

  async function up(): Promise<void> {
    if (failure) throw failure;
  }
  const sameUrl = (record: WebhookRecord) =>
    [...records.values()].find(
      (other) =>
        other.id !== record.id && other.url === record.url && ownerOf(other) === ownerOf(record),
    );

  const stores: ApiStores = {
    webhooks: {
      async create(record) {
        await up();
        const twin = sameUrl(record);
        if (twin) return { created: false, why: "duplicate", id: twin.id };
        if ((await this.list(ownerOf(record))).length >= WEBHOOKS_PER_OWNER) {
          return { created: false, why: "full" };
        }
        records.set(record.id, record);
        return { created: true };
      },
      async get(id) {
        await up();
        return records.get(id) ?? null;
      },
      async list(owner) {
        await up();
        return [...records.values()].filter((record) => ownerOf(record) === owner);
      },
      async update(id, change) {
        await up();
        const current = records.get(id);
        if (!current) return { updated: null, why: "missing" };
        const next = change(current);
        const twin = sameUrl(next);
        if (twin) return { updated: null, why: "duplicate", id: twin.id };
        records.set(id, next);
        return { updated: next };
      },
      async delete(id) {
        await up();
        return records.delete(id);
      },
      async health(ids) {
        await up();
        return ids.map((id) => health.get(id) ?? NO_HEALTH);
      },
      async resetHealth(id) {
        await up();
        health.set(id, { ...(health.get(id) ?? NO_HEALTH), consecutive_failures: 0 });
      },
    },
    logs: {
      async read(owner) {
        await up();
        return logs.get(owner) ?? [];
      },
    },
    intake: {
      async push(elements, idempotency, ids) {
        await up();
        const first = idempotency && keys.get(idempotency.key);
        if (first) {
          return first.fingerprint === idempotency.fingerprint
            ? { pushed: true, ids: [...first.ids] }
            : { pushed: false, why: "key-reused" };
        }
        if (idempotency) keys.set(idempotency.key, { fingerprint: idempotency.fingerprint, ids });
        pushed.push(...elements);
        return { pushed: true, ids: [...ids] };
      },
    },
    listen: {
      sessionTtlMs: 300_000,
      async create(session) {
        await up();
        const { owner } = session;
        const ofOwner = [...sessions.values()].filter((one) => one.owner === owner).length;
        if (owner !== null && ofOwner >= MAX_SESSIONS.owner) {
          return { created: false, whose: "owner", limit: MAX_SESSIONS.owner };
        }
        sessions.set(session.id, session);
        return { created: true };
      },
      async find(id) {
        await up();
        return sessions.get(id) ?? null;
      },
      async poll() {
        return { requests: [], expired: 0 };
      },
      async answer() {
        return "nobody";
      },
      async remove(id) {
        sessions.delete(id);
      },
    },
    redelivery: {
      async one() {
        await up();
        return { kind: "unknown" };
      },
      async byFilter() {
        await up();
        return { redelivered: 0, remaining: 0 };
      },
      async dryRun() {
        await up();
        return { matching: 0, redeliverable: 0 };
      },
      async summary() {
        await up();
        return { total: 0, byReason: [], byEvent: [], byWebhook: [] };
      },
      async listParked() {
        await up();
        return { parked: [], next: null };
      },
    },
    rejected: {
      async list(cursor, limit) {
        await up();
        const from = Number(cursor ?? 0);
        const next = from + limit < rejected.length ? String(from + limit) : null;
        return { rejected: rejected.slice(from, from + limit), next };
      },
    },
    requeue: {
      async oldest(limit) {
        await up();
        requeues.push({ which: "all", limit });
        return { requeued: 0, remaining: 0 };
      },
      async named(which, limit) {
        await up();
        requeues.push({ which, limit });
        return { requeued: 0, remaining: 0 };
      },
    },
  };

  const deps: ApiDeps = {
    stores,
    // Every name is a public one, and this machine is open.
    guard: createGuard({
      allowRanges: ["127.0.0.0/8"],
      ports: [{ from: 443, to: 443 }],
      allowHttp: false,
      resolve: () => ({ kind: "resolved", addresses: [{ address: "93.184.215.14", family: 4 }] }),
    }),
    async sendTest(webhook, eventId) {
      await new Promise<void>((answer) => {
        tests.push({ webhookId: webhook.id, eventId, answer: () => answer() });
      });
      return testEntry(webhook.id, eventId);
    },
    config: {
      apiToken: TOKEN,
      maxEventBytes: 1024,
      eventTypes: "open",
      version: "0.0.0-test",
      ...overrides,
    },
    notReadyCauses: () =>
      failure ? [{ code: "valkey-unreachable", queue: null, message: "no Valkey" }] : [],
    // One second later each time, so that the order of creation shows.
    now: () => new Date((clockMs += 1_000)),
    log: {
      error: (fields, message) => logged.push({ level: "error", fields, message }),
      info: (fields, message) => logged.push({ level: "info", fields, message }),
    },
  };
  const app = createApi(deps, identify);

  async function call(
    method: string,
    path: string,
    json?: unknown,
    headers?: Record<string, string>,
  ) {
    const all = new Headers(headers);
    all.set("authorization", `Bearer ${TOKEN}`);
    if (json !== undefined && !all.has("content-type")) all.set("content-type", "application/json");
    const body = typeof json === "string" ? json : JSON.stringify(json);
    return readAnswer(await app.request(path, { method, headers: all, body }));
  }

  return {
    call,
    raw: async (path, init) => app.request(path, init),
    deps,
    app,
    pushed,
    records,
    health,
    logs,
    rejected,
    requeues,
    tests,
    logged,
    failWith: (error) => (failure = error),
  };
}

function testEntry(webhookId: string, eventId: string): LogEntry {
  return {
    delivery_id: "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c1e11",
    webhook_id: webhookId,
    id: eventId,
    endpoint: "https://example.com/hooks",
    event: "webhook.test",
    status_code: 204,
    duration_ms: 12,
    attempt: 1,
    outcome: "delivered",
    reason: null,
    next_attempt_at: null,
    timestamp: "2026-01-01T00:00:00.000Z",
  };
}

export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const parsed: unknown = isJson ? JSON.parse(text) : {};
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: parsed as Record<string, unknown>,
  };
}

/** A small answer to compare with: which fields were refused, in order. */
export function faultyFields(answer: Answer): string[] {
  return (answer.body["errors"] as { field: string }[] | undefined)?.map((e) => e.field) ?? [];
}
