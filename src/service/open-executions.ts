// Opens what runs executions: with the first workflow, or where executions are under way though their workflows are
// deleted by now. A service without either opens no connection and sends no command for it.
import type { ExecutionControl } from "../inbound/execution-control.ts";
import type { Executions } from "../inbound/executions.ts";
import type { ExecutionsOptions, OpenExecutions } from "../inbound/run/open.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import { retryWhileAway } from "../valkey/connection/retry.ts";
import type { NotReadyCause } from "../wire/not-ready.ts";

export interface ExecutionService {
  control: ExecutionControl;
  /** Opens it, once. */
  open(): Promise<Executions>;
  /** Opens it if executions have not ended. */
  resume(): Promise<void>;
  notReadyCauses(): NotReadyCause[];
  drain(graceMs: number): Promise<void>;
  close(): void;
}

export function executionService(options: ExecutionsOptions): ExecutionService {
  let opening: Promise<OpenExecutions> | null = null;
  let opened: OpenExecutions | null = null;
  let isStopping = false;
  const open = () =>
    (opening ??= import("../inbound/run/open.ts")
      .then(({ openExecutions }) => {
        opened = openExecutions(options);
        if (!isStopping) opened.start();
        return opened;
      })
      .catch((error: unknown) => {
        opening = null;
        throw error;
      }));
  return {
    control: options.control,
    open: async () => (await open()).executions,
    async resume() {
      try {
        const { link, store } = options;
        await link.whenUp();
        if (await retryWhileAway(link, () => store.hasUnended())) await open();
      } catch (error) {
        if (error instanceof ValkeyUnavailable) return;
        options.log.error({ err: error }, "executions.failed");
      }
    },
    notReadyCauses: () => opened?.notReadyCauses() ?? [],
    async drain(graceMs) {
      isStopping = true;
      await opened?.drain(graceMs);
    },
    close: () => opened?.close(),
  };
}
