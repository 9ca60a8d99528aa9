// Puts the receiving half of workflows together. Its route and the expression engine are loaded with the first
// request to it, the running half with the first workflow: a service without workflows does nothing for them.
import type { CheckWorkflow } from "../control/workflows.ts";
import type { Executions } from "../inbound/executions.ts";
import { WorkflowDirectory, type DirectoryLog } from "../inbound/receive/directory.ts";
import type { WebhookRoute, RouteLog, RouteServer } from "../inbound/receive/route.ts";
import { webhookPath } from "../inbound/receive/webhook-path.ts";
import type { ChangeStream } from "../valkey/connection/change-stream.ts";
import type { Link } from "../valkey/connection/link.ts";
import type { WorkflowStore } from "../valkey/inbound/workflow-store.ts";

export interface InboundOptions {
  store: WorkflowStore;
  changes: ChangeStream;
  link: Link;
  /** Opens the running half. */
  open: () => Promise<Executions>;
  maxBytes: number;
  publicUrl: string | undefined;
  /** Told of every request that was answered. */
  count: (status: number, ms: number) => void;
  log: RouteLog & DirectoryLog;
}

export interface Inbound {
  /** Returns null for what is no request to a workflow. */
  handle(request: Request, server: RouteServer): Promise<Response> | null;
  /** Opens the running half, once. */
  executions(): Promise<Executions>;
  /** Answers every request that waits. */
  release(): Promise<void>;
  close(): void;
}

export function openInbound(options: InboundOptions): Inbound {
  const { store, changes, link, log } = options;
  let opened: Promise<Executions> | null = null;
  // A failed opening is tried again with the next request.
  const executions = () =>
    (opened ??= options.open().catch((error: unknown) => {
      opened = null;
      throw error;
    }));
  const directory = new WorkflowDirectory({
    store,
    changes,
    link,
    log,
    onFirst: () => {
      executions().catch((error: unknown) => log.error({ err: error }, "inbound.failed"));
    },
  });
  let route: Promise<WebhookRoute> | null = null;
  const openRoute = async () => {
    const { WebhookRoute: Route } = await import("../inbound/receive/route.ts");
    return new Route({
      directory,
      executions,
      maxBytes: options.maxBytes,
      publicUrl: options.publicUrl,
      now: Date.now,
      count: options.count,
      log,
    });
  };
  let loaded: WebhookRoute | null = null;
  return {
    handle(request, server) {
      const path = webhookPath(request.url);
      if (path === null) return null;
      if (loaded !== null) return loaded.handle(request, path, server);
      route ??= openRoute();
      return route.then((first) => {
        loaded = first;
        return first.handle(request, path, server);
      });
    },
    executions,
    async release() {
      // Test runs wait too, and they are no requests of the route.
      (await opened?.catch(() => null))?.release();
      await (await route)?.release();
    },
    close: () => directory.close(),
  };
}

/** Returns the check of a workflow that is saved; the expression engine is loaded with the first. */
export function workflowCheck(publicUrl: string | undefined): CheckWorkflow {
  return async (input) => {
    const { checkWorkflow } = await import("../inbound/check.ts");
    return checkWorkflow(input, { hasPublicUrl: publicUrl !== undefined });
  };
}
