// The receiving half of workflows on a real Valkey and a real HTTP server, each scene under a prefix of its own.
// The running half is the scene's own: it records what was accepted, and ends executions as the test says.
import { createHmac } from "node:crypto";
import type { Redis } from "iovalkey";
import { WorkflowControl } from "../../../src/control/workflows.ts";
import { checkWorkflow } from "../../../src/inbound/check.ts";
import type {
  Accepted,
  ExecutionRequest,
  Executions,
  Waited,
  WaitOptions,
} from "../../../src/inbound/executions.ts";
import { WorkflowDirectory } from "../../../src/inbound/receive/directory.ts";
import { WebhookRoute } from "../../../src/inbound/receive/route.ts";
import { webhookPath } from "../../../src/inbound/receive/webhook-path.ts";
import { ChangeStream } from "../../../src/valkey/connection/change-stream.ts";
import { Link } from "../../../src/valkey/connection/link.ts";
import { WorkflowStore } from "../../../src/valkey/inbound/workflow-store.ts";
import { sharedKeys } from "../../../src/valkey/keys.ts";
import { SecretBox } from "../../../src/valkey/webhooks/secret-box.ts";
import { workflowCreateSchema } from "../../../src/wire/workflow/workflow.ts";
import { freshPrefix, sharedValkey, testRedis } from "../../support/valkey.ts";

export const SECRET = "your-secret";

export interface InboundSceneOptions {
  publicUrl?: string;
  maxBytes?: number;
  secretKey?: readonly string[];
  url?: string;
  prefix?: string;
}

/** What one execution was started with. */
export interface Started extends ExecutionRequest {
  id: string;
}

class RecordedExecutions implements Executions {
  readonly started: Started[] = [];
  readonly waits: WaitOptions[] = [];
  readonly #seen = new Map<string, { id: string; fingerprint: string }>();
  /** How executions end. */
  ends: (started: Started, options: WaitOptions) => Waited | Promise<Waited> = () => ({
    kind: "finished",
    nodes: [],
  });

  async accept(request: ExecutionRequest): Promise<Accepted> {
    const { idempotency, workflowId } = request;
    const key = idempotency && `${workflowId} ${idempotency.key}`;
    const seen = key === null ? undefined : this.#seen.get(key);
    if (seen !== undefined) {
      return seen.fingerprint === idempotency?.fingerprint
        ? { kind: "accepted", executionId: seen.id, first: false }
        : { kind: "key-reused", executionId: seen.id };
    }
    const id = `exec-${String(this.started.length).padStart(26, "a")}`;
    this.started.push({ ...request, id });
    if (key !== null) this.#seen.set(key, { id, fingerprint: idempotency?.fingerprint ?? "" });
    return { kind: "accepted", executionId: id, first: true };
  }

  async waitFor(id: string, options: WaitOptions): Promise<Waited> {
    this.waits.push(options);
    const started = this.started.find((one) => one.id === id);
    if (started === undefined) return { kind: "gone" };
    return this.ends(started, options);
  }

  async executionJson(): Promise<null> {
    return null;
  }

  release(): void {}
}

export class InboundScene {
  readonly executions = new RecordedExecutions();
  readonly logged: { message: string; fields: object }[] = [];
  nowMs = Date.now();
  readonly #server: Bun.Server<undefined>;
  readonly route: WebhookRoute;

  constructor(
    readonly control: WorkflowControl,
    readonly store: WorkflowStore,
    readonly directory: WorkflowDirectory,
    readonly redis: Redis,
    readonly link: Link,
    readonly changes: ChangeStream,
    readonly prefix: string,
    { publicUrl, maxBytes = 1024 * 1024 }: InboundSceneOptions,
  ) {
    this.route = new WebhookRoute({
      directory,
      executions: async () => this.executions,
      maxBytes,
      publicUrl,
      now: () => this.nowMs,
      log: {
        info: (fields, message) => this.logged.push({ message, fields }),
        error: (fields, message) => this.logged.push({ message, fields }),
      },
    });
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        const path = webhookPath(request.url);
        if (path === null) return new Response("elsewhere", { status: 404 });
        return this.route.handle(request, path, server);
      },
    });
  }

  get url(): string {
    return this.#server.url.href.replace(/\/$/, "");
  }

  /** Creates the workflow `w`, which the directory knows then. */
  async create(trigger: object = {}, others: object = {}): Promise<void> {
    const input = workflowCreateSchema.parse({
      id: "w",
      name: "W",
      nodes: [{ id: "a", type: "set", value: 1 }],
      ...others,
      trigger: { secret: SECRET, ...trigger },
    });
    const result = await this.control.create(input);
    if (!result.created) throw new Error(`not created: ${JSON.stringify(result)}`);
    await this.known(result.record.id, (found) => found !== undefined);
  }

  /** Waits until the directory says so about a workflow. */
  async known(
    id: string,
    is: (found: ReturnType<WorkflowDirectory["get"]>) => boolean,
  ): Promise<void> {
    const until = Date.now() + 10_000;
    while (!is(this.directory.get(id))) {
      if (Date.now() > until) throw new Error("the directory has not learned of it");
      await Bun.sleep(2);
    }
  }

  /** Posts to `w`, signed with its secret unless `headers` has a signature. */
  post(
    body: string | Uint8Array<ArrayBuffer>,
    { headers = {}, search = "", id = "w" }: PostOptions = {},
  ): Promise<Response> {
    return fetch(`${this.url}/api/webhooks/${id}${search}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-webhook-signature": sign(body),
        ...headers,
      },
      body,
      redirect: "manual",
    });
  }

  async close(): Promise<void> {
    await this.#server.stop(true);
    this.directory.close();
    await this.changes.close();
    this.link.close();
    this.redis.disconnect();
  }
}

export interface PostOptions {
  headers?: Record<string, string>;
  search?: string;
  id?: string;
}

export function sign(body: string | Uint8Array<ArrayBuffer>, secret = SECRET): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}

const scenes: InboundScene[] = [];

/** Every file with scenes ends with `afterAll(closeScenes)`. */
export async function closeScenes(): Promise<void> {
  await Promise.all(scenes.splice(0).map((scene) => scene.close()));
}

export async function inboundScene(options: InboundSceneOptions = {}): Promise<InboundScene> {
  const { url = (await sharedValkey()).url, prefix = freshPrefix() } = options;
  const link = new Link({ url, name: "test", deadlineMs: 5_000 }).open();
  await link.whenUp();
  const store = new WorkflowStore(link, prefix, {
    box: new SecretBox(options.secretKey ?? []),
    maxWorkflows: 20,
    unusedRevisionMs: 60_000,
  });
  const changes = new ChangeStream({ url, name: prefix, key: sharedKeys(prefix).changes });
  const directory = new WorkflowDirectory({
    store,
    changes,
    link,
    log: { error: (fields, message) => console.error(message, fields) },
    onFirst: () => {},
  });
  changes.open();
  await directory.whenCurrent(10_000);
  const control = new WorkflowControl({
    workflows: store,
    check: async (input) => checkWorkflow(input, { hasPublicUrl: options.publicUrl !== undefined }),
    now: () => new Date(),
  });
  const scene = new InboundScene(
    control,
    store,
    directory,
    await testRedis(url),
    link,
    changes,
    prefix,
    options,
  );
  scenes.push(scene);
  return scene;
}
