// Loads the traces where they are wanted. Where they are not, OpenTelemetry's libraries are not loaded.
import { readTraceSettings } from "../config/trace-settings.ts";
import type { Log } from "../log.ts";
import type { Counters } from "../stats/counters.ts";
import type { AttemptTraces } from "../traces/attempt-traces.ts";
import { VERSION } from "../version.ts";

export interface LoadedTraces {
  /** Null before they are loaded, and where they are off. */
  tracer: AttemptTraces | null;
  /** Resolves when they are loaded, or cannot be; null where they are off. */
  loaded: Promise<void> | null;
}

export function loadTraces(
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
  counters: Pick<Counters, "spansDropped">,
): LoadedTraces {
  const traces: LoadedTraces = { tracer: null, loaded: null };
  const settings = readTraceSettings(environment);
  if (settings.state === "wrong") log.warn({ hint: settings.hint }, "traces.off");
  if (settings.state === "on") {
    traces.loaded = load().catch((error: unknown) => log.error({ err: error }, "traces.failed"));
  }
  return traces;

  async function load(): Promise<void> {
    const { AttemptTraces: Loaded } = await import("../traces/attempt-traces.ts");
    traces.tracer = new Loaded({
      environment,
      version: VERSION,
      log,
      onDropped: (spans) => (counters.spansDropped += spans),
    });
  }
}
