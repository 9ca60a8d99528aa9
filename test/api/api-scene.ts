// The API in process on the real stores, each scene under a prefix of its own on the shared Valkey. The
// clock and the sending of tests are the scene's.
import type { WebhookId } from "../../src/wire/ids.ts";
import type { Redis } from "iovalkey";
import { createApi } from "../../src/api/app.ts";
import { readFigures } from "../../src/api/stats.ts";
import type { Identify } from "../../src/api/auth/authenticate.ts";
import type { ApiDeps } from "../../src/api/deps.ts";
import { ConfigControl } from "../../src/control/config-document.ts";
import { DeliveryInspector } from "../../src/control/inspect-delivery.ts";
import { OwnerEraser } from "../../src/control/erase-owner.ts";
import { Redelivery } from "../../src/control/redelivery.ts";
import { ExecutionControl } from "../../src/inbound/execution-control.ts";
import { Search } from "../../src/control/search.ts";
import { ServiceStats } from "../../src/control/service-stats.ts";
import { WebhookControl } from "../../src/control/webhooks.ts";
import { WorkflowControl } from "../../src/control/workflows.ts";
import { checkWorkflow } from "../../src/inbound/check.ts";
import { createGuard } from "../../src/delivery/guard/guard.ts";
import { Hub, type HubOptions } from "../../src/live/hub.ts";
import { TunnelBroker } from "../../src/tunnel/broker.ts";
import { Link } from "../../src/valkey/connection/link.ts";
import { openStores, type Stores } from "../../src/valkey/stores.ts";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import type { WebhookHealth, WebhookRecord } from "../../src/wire/webhook.ts";
import { eventually } from "../support/eventually.ts";
import { ownerPrincipal } from "../support/tokens.ts";
import { freshPrefix, sharedValkey, testRedis } from "../support/valkey.ts";

export const TOKEN = "test-token-of-24-characters";
/** In the future: the stores leave out secrets whose grace is over by the clock of this machine. */
const START_MS = Date.parse("2126-01-02T03:04:05.678Z");
const PARKED_TTL_MS = 7 * 86_400_000;

export interface SceneOptions {
  config?: Partial<ApiDeps["config"]>;
  identify?: Identify;
  retrySchedule?: readonly string[];
  /** FLUXHOOK_SECRET_KEY: none, unless given. */
  secretKey?: readonly string[];
  /** The running half of workflows. */
  executions?: ApiDeps["executions"];
  /** Of another scene, to see the same data. */
  prefix?: string;
  streamLimits?: HubOptions["limits"];
  /** Where Valkey is; the shared one, unless given. The scene does not wait for it to answer. */
  url?: string;
}

const noExecutions: ApiDeps["executions"] = () =>
  Promise.reject(new Error("this scene runs no executions"));

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The members of the body; empty if the body is not a JSON object. */
  body: Record<string, unknown>;
}

/** A test that was sent; `answer` ends it. */
interface SentTest {
  webhookId: string;
  eventId: string;
  type: string;
  data: string;
  answer: () => void;
}

export class ApiScene {
  readonly app: ReturnType<typeof createApi>;
  readonly deps: ApiDeps;
  readonly hub: Hub;
  readonly tests: SentTest[] = [];
  readonly logged: { level: "error" | "info"; fields: object; message: string }[] = [];
  private clockMs = START_MS;
  private clockFault: Error | null = null;

  constructor(
    readonly prefix: string,
    readonly queue: string,
    readonly link: Link,
    readonly stores: Stores,
    readonly broker: TunnelBroker,
    readonly redis: Redis,
    {
      url,
      config,
      identify,
      retrySchedule,
      streamLimits,
      executions = noExecutions,
    }: SceneOptions & { url: string },
  ) {
    // Every name resolves to a public address, and this machine may be sent to.
    const guard = createGuard({
      allowRanges: ["127.0.0.0/8"],
      ports: [{ from: 443, to: 443 }],
      allowHttp: false,
      resolve: () => ({ kind: "resolved", addresses: [{ address: "93.184.215.14", family: 4 }] }),
    });
    const now = () => this.now();
    this.hub = new Hub({
      url,
      channels: { live: stores.keys.live, alerts: stores.keys.alerts },
      store: stores.live,
      logs: stores.logs,
      figures: () => readFigures(this.deps.stores.stats),
      onWatched() {},
      log: { warn() {} },
      limits: streamLimits,
    });
    const redelivery = new Redelivery({
      ...stores,
      parkedTtlMs: PARKED_TTL_MS,
      // A scene has no worker that waits.
      claimer: { notify() {} },
    });
    this.deps = {
      stores: {
        webhooks: new WebhookControl({ ...stores, guard, retrySchedule, now }),
        config: new ConfigControl({ ...stores, guard, retrySchedule, now }),
        logs: stores.logs,
        alerts: stores.alerts,
        intake: stores.intake,
        rejected: stores.rejected,
        requeue: stores.requeue,
        redelivery,
        search: new Search({ ...stores, redelivery }),
        inspector: new DeliveryInspector({ ...stores, redelivery, parkedTtlMs: PARKED_TTL_MS }),
        listen: broker,
        workflows: new WorkflowControl({
          workflows: stores.workflows,
          check: async (input) => checkWorkflow(input, { hasPublicUrl: false }),
          now,
        }),
        apiKeys: stores.apiKeys,
        tokenEnds: stores.tokenEnds,
        stats: new ServiceStats({
          ...stores,
          limits: { parked: stores.parkedLimits, rejectedMax: 1_000, alertAgeMs: 300_000 },
          now,
          onError() {},
        }),
        audit: stores.audit,
        eraser: new OwnerEraser({
          ...stores,
          sessions: broker,
          now,
          settleMs: 0,
          // Of what comes half a minute later, when the scene is closed.
          onError: () => {},
        }),
      },
      executions,
      executionControl: new ExecutionControl(stores.executions, stores.workflows, {
        isWatched: false,
        add() {},
      }),
      sendTest: async (webhook, { id: eventId, type, data }) => {
        await new Promise<void>((resolve) => {
          this.tests.push({ webhookId: webhook.id, eventId, type, data, answer: () => resolve() });
        });
        return testEntry(webhook.id, eventId);
      },
      live: this.hub,
      config: {
        apiTokens: [TOKEN],
        maxEventBytes: 1024,
        maxWebhookBytes: 64 * 1024,
        eventTypes: "open",
        version: "0.0.0-test",
        ...config,
      },
      notReadyCauses: () =>
        link.isUp ? [] : [{ code: "valkey-unreachable", queue: null, message: "no Valkey" }],
      now,
      log: {
        error: (fields, message) => this.logged.push({ level: "error", fields, message }),
        info: (fields, message) => this.logged.push({ level: "info", fields, message }),
      },
    };
    this.app = createApi(this.deps, identify);
  }

  /** Calls with the API token, and with `json` as the body if it is given: a text as it is. */
  async call(
    method: string,
    path: string,
    json?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer> {
    const all = new Headers(headers);
    if (!all.has("authorization")) all.set("authorization", `Bearer ${TOKEN}`);
    if (json !== undefined && !all.has("content-type")) all.set("content-type", "application/json");
    const body = typeof json === "string" ? json : JSON.stringify(json);
    return readAnswer(await this.app.request(path, { method, headers: all, body }));
  }

  /** Sends the request as it is. */
  async raw(path: string, init?: RequestInit): Promise<Response> {
    return this.app.request(path, init);
  }

  /** The elements on the list, the oldest first. */
  async pushed(): Promise<string[]> {
    return (await this.redis.lrange(this.queue, 0, -1)).toReversed();
  }

  /** The webhook as it is stored. */
  async webhook(id: string): Promise<WebhookRecord> {
    const record = await this.stores.webhooks.get(id);
    if (!record) throw new Error(`there is no webhook ${id}`);
    return record;
  }

  /** How many webhooks are stored, of all owners. */
  webhookCount(): Promise<number> {
    return this.redis.hlen(this.stores.keys.webhookOwners);
  }

  /** Changes a stored webhook without the API. */
  async change(id: WebhookId, fields: Partial<WebhookRecord>): Promise<void> {
    await this.stores.webhooks.update(id, (current) => ({ ...current, ...fields }));
  }

  /** Counts failures for a webhook, as after attempts to it. Returns its health. */
  async fail(webhookId: WebhookId, failures: number): Promise<WebhookHealth> {
    await this.stores.health.add([{ webhookId, failures, succeeded: false, failed: true }]);
    const [health] = await this.stores.health.read([webhookId]);
    if (!health) throw new Error("a health was not read");
    return health;
  }

  /** The clock throws this from now on: a fault inside of every request that looks at it. */
  breakClock(fault: Error): void {
    this.clockFault = fault;
  }

  close(): void {
    this.hub.stop();
    this.broker.close();
    this.link.close();
    this.redis.disconnect();
  }

  /** One second later each time, so that the order of creation shows. */
  private now(): Date {
    if (this.clockFault) throw this.clockFault;
    return new Date((this.clockMs += 1_000));
  }
}

const scenes: ApiScene[] = [];

/** Every file with scenes ends with `afterAll(closeScenes)`. */
export function closeScenes(): void {
  for (const scene of scenes.splice(0)) scene.close();
}

export async function apiScene(options: SceneOptions = {}): Promise<ApiScene> {
  const shared = (await sharedValkey()).url;
  const { url = shared, prefix = freshPrefix(), secretKey = [] } = options;
  const queue = `${prefix}:events`;
  const link = new Link({ url, name: "test", deadlineMs: 5_000 }).open();
  const broker = new TunnelBroker({ url, prefix, onError: () => {} }).open();
  const stores = openStores(link, {
    PREFIX: prefix,
    QUEUE: [queue],
    SECRET_KEY: secretKey,
    LOG_SIZE: 10,
    LOG_TTL: 60_000,
    FAILURES_SIZE: 10,
    REJECTED_MAX: 1_000,
    REJECTED_TTL: 60_000,
    PARKED_MAX: 1_000,
    PARKED_MAX_BYTES: 1_000_000,
    PARKED_TTL: PARKED_TTL_MS,
    WORKFLOWS_MAX: 100,
    EXECUTION_TTL: 3_600_000,
    EXECUTIONS_MAX: 1_000,
    EXECUTIONS_MAX_BYTES: 100_000_000,
    IDEMPOTENCY_TTL: 3_600_000,
  });
  const redis = await testRedis(shared);
  if (url === shared) await Promise.all([link.whenUp(), broker.whenUp()]);
  const scene = new ApiScene(prefix, queue, link, stores, broker, redis, { ...options, url });
  scenes.push(scene);
  return scene;
}

/** A scene whose Valkey is away: nothing listens at its address, and the link knows it. */
export async function sceneWithoutValkey(options: SceneOptions = {}): Promise<ApiScene> {
  const scene = await apiScene({ ...options, url: "redis://127.0.0.1:1" });
  await eventually(() => scene.link.lastProblem.includes("127.0.0.1"));
  return scene;
}

export const asOwner =
  (owner: "user:u_1" | "user:u_2" | "org:o_1"): Identify =>
  () =>
    ownerPrincipal(owner);

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

/** Which fields an answer refuses, in order. */
export function faultyFields(answer: Answer): string[] {
  return (answer.body["errors"] as { field: string }[] | undefined)?.map((e) => e.field) ?? [];
}
