// What runs executions, on a real Valkey: one or more processes' worth of it, under a prefix of the scene's own.
import type { Redis } from "iovalkey";
import { createEgress } from "../../../src/delivery/egress.ts";
import { ExecutionControl } from "../../../src/inbound/execution-control.ts";
import { LiveExecutions } from "../../../src/inbound/live-executions.ts";
import type { Accepted, ExecutionRequest, Waited } from "../../../src/inbound/executions.ts";
import {
  openExecutions,
  type ExecutionWorkerSettings,
  type OpenExecutions,
} from "../../../src/inbound/run/open.ts";
import { Link } from "../../../src/valkey/connection/link.ts";
import { ExecutionStore } from "../../../src/valkey/inbound/execution-store.ts";
import { WorkflowStore } from "../../../src/valkey/inbound/workflow-store.ts";
import {
  inboundKeys,
  queueKeys,
  type InboundKeys,
  type QueueKeys,
} from "../../../src/valkey/keys.ts";
import { QueueStore } from "../../../src/valkey/queue/queue-store.ts";
import { workflowInputSchema } from "../../../src/wire/workflow/workflow.ts";
import type { Execution } from "../../../src/wire/workflow/execution.ts";
import { useStops } from "../../support/use-opened.ts";
import { freshPrefix, sharedValkey, testRedis } from "../../support/valkey.ts";
import { logLines, type LogLines } from "../../worker/log-lines.ts";

export interface RunSceneOptions {
  url?: string;
  settings?: Partial<ExecutionWorkerSettings>;
  limits?: Partial<ConstructorParameters<typeof ExecutionStore>[2]>;
  leaseMs?: number;
  heartbeatMs?: number;
}

/** One process's worth. */
export interface Replica extends OpenExecutions {
  link: Link;
  control: ExecutionControl;
  live: LiveExecutions;
  /** For those that look at executions. */
  published: string[];
  log: LogLines;
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;

export class RunScene {
  readonly replicas: Replica[] = [];
  readonly keys: InboundKeys;
  readonly queue: QueueKeys;
  private saved = 0;

  private constructor(
    readonly url: string,
    readonly prefix: string,
    readonly redis: Redis,
    private readonly link: Link,
    private readonly options: RunSceneOptions,
  ) {
    this.keys = inboundKeys(prefix);
    this.queue = queueKeys(this.keys.queue);
  }

  static async open(options: RunSceneOptions = {}): Promise<RunScene> {
    const url = options.url ?? (await sharedValkey()).url;
    const link = new Link({ url, name: "test", deadlineMs: 3_000 }).open();
    await link.whenUp();
    return new RunScene(url, freshPrefix(), await testRedis(url), link, options);
  }

  get store(): ExecutionStore {
    return this.storeOver(this.link);
  }

  private storeOver(link: Link): ExecutionStore {
    return new ExecutionStore(link, this.prefix, {
      maxExecutions: 100_000,
      maxBytes: 1e9,
      ttlMs: HOUR_MS,
      idempotencyTtlMs: HOUR_MS,
      ...this.options.limits,
    });
  }

  private workflowsOver(link: Link): WorkflowStore {
    return new WorkflowStore(link, this.prefix, { maxWorkflows: 1_000, unusedRevisionMs: HOUR_MS });
  }

  get first(): Replica {
    const [first] = this.replicas;
    if (first === undefined) throw new Error("no replica was started");
    return first;
  }

  /** Starts one more that runs executions; `isRunning: false` only accepts and waits. */
  async start({ isRunning = true } = {}): Promise<Replica> {
    const link = new Link({ url: this.url, name: "test-replica", deadlineMs: 3_000 }).open();
    await link.whenUp();
    const log = logLines();
    const store = this.storeOver(link);
    const published: string[] = [];
    const live = new LiveExecutions({ publish: async (text) => published.push(text) });
    const control = new ExecutionControl(store, this.workflowsOver(link), live);
    const opened = openExecutions({
      settings: {
        VALKEY_URL: this.url,
        PREFIX: this.prefix,
        EXECUTION_CONCURRENCY: 256,
        MAX_OUTPUT_BYTES: 262_144,
        TASKS_MAX: 100_000,
        ...this.options.settings,
      },
      link,
      store,
      apiStore: store,
      workflows: this.workflowsOver(link),
      control,
      live,
      intake: new QueueStore(link, `${this.prefix}:events`),
      egress: createEgress({
        EGRESS_ALLOW: ["127.0.0.1/32"],
        EGRESS_PORTS: [{ from: 443, to: 443 }],
        EGRESS_HTTP: false,
        DNS_SERVERS: [],
        VALKEY_URL: this.url,
      }),
      limits: { maxEventBytes: 262_144, eventTypes: "open" },
      alerter: { raise: () => {} },
      log,
      leaseMs: this.options.leaseMs,
      heartbeatMs: this.options.heartbeatMs,
    });
    if (isRunning) opened.start();
    const replica: Replica = {
      ...opened,
      link,
      control,
      live,
      published,
      log,
      stop: async () => {
        if (isRunning) await opened.drain(1_000);
        opened.close();
        link.close();
      },
    };
    this.replicas.push(replica);
    return replica;
  }

  /** Saves a workflow of these nodes, and returns its id. */
  async workflow(nodes: readonly object[], trigger: object = {}): Promise<string> {
    this.saved += 1;
    const id = `wf-${this.saved}`;
    await this.save(id, 1, nodes, trigger);
    return id;
  }

  private async save(id: string, revision: number, nodes: readonly object[], trigger: object) {
    const input = workflowInputSchema.parse({ name: id, nodes, trigger });
    const now = new Date().toISOString();
    const record = {
      ...input,
      enabled: true,
      id,
      revision,
      created_at: now,
      updated_at: now,
      secrets: [],
    };
    await this.workflowsOver(this.link).create(record);
  }

  /** Changes the nodes of a workflow: its next revision. */
  async change(id: string, nodes: readonly object[]): Promise<void> {
    const input = workflowInputSchema.parse({ name: id, nodes });
    await this.workflowsOver(this.link).update(id, (current) => ({
      ...current,
      nodes: input.nodes,
      revision: current.revision + 1,
    }));
  }

  async delete(id: string): Promise<void> {
    await this.workflowsOver(this.link).delete(id);
  }

  accept(
    workflowId: string,
    request: Partial<Omit<ExecutionRequest, "body">> & { body?: string } = {},
    replica: Replica = this.first,
  ): Promise<Accepted> {
    const { body = "{}", ...rest } = request;
    return replica.executions.accept({
      workflowId,
      revision: 1,
      query: null,
      headers: "{}",
      mode: "allNodes",
      isTest: false,
      idempotency: null,
      body: Buffer.from(body),
      ...rest,
    });
  }

  /** Accepts a request, and waits for the execution's end. */
  async run(
    workflowId: string,
    body = "{}",
    request: Partial<Omit<ExecutionRequest, "body">> = {},
  ): Promise<{ id: string; waited: Waited }> {
    const accepted = await this.accept(workflowId, { ...request, body });
    return { id: accepted.executionId, waited: await this.ended(accepted.executionId) };
  }

  ended(id: string, timeoutMs = 20_000, replica: Replica = this.first): Promise<Waited> {
    return replica.executions.waitFor(id, { timeoutMs, signal: new AbortController().signal });
  }

  async read(id: string): Promise<Execution> {
    const nobody = { isWatched: false, add() {} };
    const control = new ExecutionControl(this.store, this.workflowsOver(this.link), nobody);
    const text = await control.json(id);
    if (text === null) throw new Error(`there is no execution ${id}`);
    return JSON.parse(text) as Execution;
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    this.link.close();
    this.redis.disconnect();
  }
}

/** The outputs by node, as JSON text. */
export function outputsIn(waited: Waited): Record<string, string> {
  if (waited.kind !== "finished") throw new Error(`it is ${JSON.stringify(waited)}`);
  return Object.fromEntries(waited.nodes.map(({ id, output }) => [id, output]));
}

/** Opens scenes with so many processes, for the tests of a file; each is closed after its test. */
export function useRunScenes(): {
  scene: (options?: RunSceneOptions, replicas?: number) => Promise<RunScene>;
  afterTest: ReturnType<typeof useStops>;
} {
  const afterTest = useStops();
  return {
    afterTest,
    async scene(options = {}, replicas = 1) {
      const opened = await RunScene.open(options);
      afterTest(() => opened.close());
      for (let nth = 0; nth < replicas; nth += 1) await opened.start();
      return opened;
    },
  };
}
