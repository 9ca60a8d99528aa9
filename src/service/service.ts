// The service in one process: stores, worker, tunnel and API, as `serve` and `dev` run it.
import type { Settings } from "../config/settings.ts";
import { resealStored } from "../control/reseal.ts";
import { ServiceStats } from "../control/service-stats.ts";
import { isDashboardRequest } from "../dashboard/paths.ts";
import type { Dashboard } from "../dashboard/serve.ts";
import { ExecutionControl } from "../inbound/execution-control.ts";
import { LiveExecutions } from "../inbound/live-executions.ts";
import { createEgress } from "../delivery/egress.ts";
import { Hub } from "../live/hub.ts";
import type { Log } from "../log.ts";
import { Counters } from "../stats/counters.ts";
import { createTunnel } from "../tunnel/tunnel.ts";
import { ChangeStream } from "../valkey/connection/change-stream.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import { Link } from "../valkey/connection/link.ts";
import { openStores, type Stores } from "../valkey/stores.ts";
import { VERSION } from "../version.ts";
import { acceptedEventTypes } from "../wire/dialects/registry.ts";
import { alertUnreadable } from "../worker/after/alert-unreadable.ts";
import { Alerter } from "../worker/after/alerts.ts";
import { LiveFeed } from "../worker/after/live-feed.ts";
import type { FinishedAttempt } from "../worker/job.ts";
import { WakeUp } from "../worker/wake-up.ts";
import { executionService } from "./open-executions.ts";
import { listen } from "./listen.ts";
import { apiOnDemand } from "./on-demand.ts";
import { openInbound } from "./open-inbound.ts";
import { openMetrics } from "./open-metrics.ts";
import { loadTraces } from "./load-traces.ts";
import { openWorker } from "./open-worker.ts";
import { whenAnswered } from "./when-answered.ts";

/** A settlement group may be large; the lease is longer. */
const LINK_DEADLINE_MS = 3_000;
/** Shorter than the second within which the API has to say that Valkey is away. */
const API_WAIT_MS = 700;

export interface Service {
  /** The address that the API listens on. */
  url: string;
  /** Resolves when events can be taken: Valkey is there, the worker has joined. */
  whenReady(): Promise<void>;
  /** Finishes what is in flight within the grace and returns the rest. */
  stop(): Promise<{ putBack: number }>;
}

export interface ServiceOptions {
  settings: Settings;
  /** The first one signs tokens; each of them is accepted. */
  apiTokens: readonly string[];
  log: Log;
  onAttempt?: (attempt: FinishedAttempt) => void;
  /** The command that the dashboard shows before `LPUSH`. */
  valkeyCli?: string;
}

/** @throws Error with a message for the user where the address cannot be listened on. */
export function startService(options: ServiceOptions): Service {
  const { settings, apiTokens, log, onAttempt } = options;
  const counters = new Counters(settings.QUEUE);
  const link = new Link({
    url: settings.VALKEY_URL,
    name: "fluxhook",
    deadlineMs: LINK_DEADLINE_MS,
    onUp: () => {
      if (link.connections > 1) counters.reconnects += 1;
      log.info({}, "valkey.connected");
    },
    onDown: (reason) => log.warn({ reason }, "valkey.lost"),
  });
  const stores: Stores = openStores(
    link,
    settings,
    (record, unreadable) => alertUnreadable(record, unreadable, alerter, log),
    (workflow, why) => log.error({ workflow, why }, "workflow.unreadable"),
  );
  const apiStores = openStores(link.within(API_WAIT_MS), settings);
  const claimerWakeUp = new WakeUp();
  const alerter = new Alerter({
    store: stores.alerts,
    queue: stores.intake,
    webhooks: stores.webhooks,
    url: settings.ALERT_URL,
    secret: settings.ALERT_SECRET,
    claimer: claimerWakeUp,
    log,
    counters,
  });
  const egress = createEgress(settings, counters.connections);
  const tunnel = createTunnel({ settings, egress, webhooks: stores.webhooks, log });
  const limits = {
    maxEventBytes: settings.MAX_EVENT_BYTES,
    eventTypes: acceptedEventTypes(settings.EVENT_TYPES, settings.EVENT_CATALOGUE),
  };
  const publish = (text: string) => stores.live.publish(text);
  const live = new LiveFeed({ publish });
  const liveExecutions = new LiveExecutions({ publish });
  const stats = new ServiceStats({
    ...apiStores,
    limits: {
      parked: stores.parkedLimits,
      rejectedMax: settings.REJECTED_MAX,
      alertAgeMs: settings.ALERT_AGE,
    },
    now: () => new Date(),
    onError: (error) => {
      if (!(error instanceof ValkeyUnavailable)) log.warn({ err: error }, "stats.failed");
    },
  });
  const hub = new Hub({
    url: settings.VALKEY_URL,
    channels: { live: stores.keys.live, alerts: stores.keys.alerts },
    store: apiStores.live,
    logs: apiStores.logs,
    // Whoever looks has made a request to the API, so its code is loaded.
    figures: async () => (await import("../api/stats.ts")).readFigures(stats),
    onWatched: (watched) => (watched === "attempts" ? live : liveExecutions).watch(true),
    onDropped: (events) => (counters.streamMessagesDropped += events),
    log,
  });
  const changes = new ChangeStream({
    url: settings.VALKEY_URL,
    name: "fluxhook-changes",
    key: stores.keys.changes,
    onError: (error) => log.error({ err: error }, "changes.failed"),
  });
  const traces = loadTraces(process.env, log, counters);
  const worker = openWorker({
    settings,
    link,
    stores,
    changes,
    egress: tunnel.egress,
    limits,
    alerter,
    counters,
    live,
    traces,
    claimerWakeUp,
    log,
    onAttempt,
  });

  const executions = executionService({
    settings,
    link,
    store: stores.executions,
    apiStore: apiStores.executions,
    workflows: stores.workflows,
    control: new ExecutionControl(apiStores.executions, apiStores.workflows, liveExecutions),
    live: liveExecutions,
    intake: stores.intake,
    egress,
    limits,
    alerter,
    log,
  });
  const inbound = openInbound({
    store: stores.workflows,
    changes,
    link,
    open: () => executions.open(),
    maxBytes: settings.MAX_WEBHOOK_BYTES,
    publicUrl: settings.PUBLIC_URL,
    count: (status, ms) => counters.request("inbound", status, ms),
    log,
  });

  let isStopping = false;
  const api = apiOnDemand({
    settings,
    apiTokens,
    apiStores,
    egress,
    tunnel,
    limits,
    live,
    hub,
    stats,
    executions: () => inbound.executions(),
    executionControl: executions.control,
    claimerWakeUp,
    counters,
    metrics: openMetrics({
      settings,
      counters,
      stats,
      usage: () => worker.usage,
      viewers: () => hub.viewers,
    }),
    notReadyCauses: () =>
      isStopping
        ? [{ code: "stopping", queue: null, message: "shutting down" }]
        : [...worker.notReadyCauses(), ...executions.notReadyCauses()],
    log,
  });

  const dashboard = settings.DASHBOARD ? openDashboard(options) : null;
  const server = listen(
    settings,
    (request, bun) =>
      inbound.handle(request, bun) ??
      tunnel.publicUrl(request, bun) ??
      dashboard?.(request) ??
      api(request, bun),
  );
  const { port = settings.PORT } = server;
  egress.protect({ name: "Fluxhook's own API", host: settings.HOST, port });
  link.open();
  // The first attempts have their spans too.
  if (traces.loaded === null) worker.start();
  else void traces.loaded.then(() => worker.start());
  void executions.resume();
  tunnel.open();
  if (settings.SECRET_KEY.length > 0) {
    const { webhooks, workflows } = stores;
    void resealStored({ stores: { webhooks, workflows }, link, log });
  }
  return {
    url: server.url.href.replace(/\/$/, ""),
    whenReady: () => worker.whenConnected(),
    stop: async () => {
      isStopping = true;
      hub.stop();
      const [{ putBack }] = await Promise.all([
        worker.drain(settings.SHUTDOWN_GRACE),
        executions.drain(settings.SHUTDOWN_GRACE),
      ]);
      await traces.tracer?.stop();
      live.watch(false);
      liveExecutions.watch(false);
      await tunnel.release();
      await inbound.release();
      await whenAnswered(server);
      await server.stop(true);
      tunnel.close();
      inbound.close();
      executions.close();
      link.close();
      return { putBack };
    },
  };
}

/** Null for what is none of its requests. Its code is loaded with the first that is. */
function openDashboard({
  settings,
  log,
  valkeyCli = 'valkey-cli -u "$FLUXHOOK_VALKEY_URL"',
}: ServiceOptions): (request: Request) => Promise<Response> | null {
  let opened: Promise<Dashboard> | null = null;
  const open = async () => {
    const { Dashboard } = await import("../dashboard/serve.ts");
    return new Dashboard({
      version: VERSION,
      queues: settings.QUEUE,
      valkeyCli,
      portal: {
        origins: settings.PORTAL_ORIGINS,
        name: settings.PORTAL_NAME,
        accent: settings.PORTAL_ACCENT,
        returnUrl: settings.PORTAL_RETURN_URL,
      },
    });
  };
  return (request) => {
    if (!isDashboardRequest(request)) return null;
    opened ??= open();
    return opened
      .then((dashboard) => dashboard.answer(request))
      .catch((error: unknown) => {
        log.error({ err: error }, "dashboard.failed");
        return new Response(null, { status: 500 });
      });
  };
}
