// Puts the API together: what its routes read and change, and what they send. The service loads it with the first
// request to it, for it is a tenth of the memory of a process that only delivers.
import { createApi } from "../api/app.ts";
import type { Api } from "../api/http/openapi.ts";
import type { ApiDeps, ApiMetrics } from "../api/deps.ts";
import type { Settings } from "../config/settings.ts";
import { ConfigControl } from "../control/config-document.ts";
import { OwnerEraser } from "../control/erase-owner.ts";
import { DeliveryInspector } from "../control/inspect-delivery.ts";
import { Redelivery } from "../control/redelivery.ts";
import { Search } from "../control/search.ts";
import type { ServiceStats } from "../control/service-stats.ts";
import { WebhookControl } from "../control/webhooks.ts";
import { WorkflowControl } from "../control/workflows.ts";
import type { Egress } from "../delivery/egress.ts";
import type { Hub } from "../live/hub.ts";
import type { Log } from "../log.ts";
import type { Counters } from "../stats/counters.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import type { Stores } from "../valkey/stores.ts";
import { VERSION } from "../version.ts";
import { formatDuration } from "../wire/duration.ts";
import type { EventLimits } from "../wire/event.ts";
import { ownerOf } from "../wire/webhook.ts";
import type { LiveFeed } from "../worker/after/live-feed.ts";
import { attemptTest } from "../worker/run/test-attempt.ts";
import type { WakeUp } from "../worker/wake-up.ts";
import { workflowCheck } from "./open-inbound.ts";

export interface ApiOptions {
  settings: Settings;
  /** The first one signs tokens; each of them is accepted. */
  apiTokens: readonly string[];
  /** For callers that do not wait long. */
  apiStores: Stores;
  egress: Egress;
  tunnel: Tunnel;
  limits: EventLimits;
  live: LiveFeed;
  hub: Hub;
  stats: ServiceStats;
  executions: ApiDeps["executions"];
  executionControl: ApiDeps["executionControl"];
  claimerWakeUp: WakeUp;
  counters: Counters;
  metrics: ApiMetrics;
  notReadyCauses: ApiDeps["notReadyCauses"];
  log: Log;
}

export function openApi(options: ApiOptions): Api {
  const { settings, apiTokens, apiStores, egress, tunnel, limits } = options;
  const { live, hub, stats, counters, log } = options;
  const now = () => new Date();
  const sending = {
    ...tunnel.egress,
    now: Date.now,
    random: Math.random,
    detailBytes: settings.LOG_DETAIL,
  };
  const registration = {
    ...apiStores,
    guard: egress.guard,
    retrySchedule: settings.RETRY_SCHEDULE.map(formatDuration),
    now,
  };
  const redelivery = new Redelivery({
    ...apiStores,
    parkedTtlMs: settings.PARKED_TTL,
    claimer: options.claimerWakeUp,
    onRedelivered: (deliveries) => (counters.redelivered += deliveries),
  });
  return createApi({
    stores: {
      webhooks: new WebhookControl(registration),
      config: new ConfigControl(registration),
      logs: apiStores.logs,
      alerts: apiStores.alerts,
      intake: apiStores.intake,
      rejected: apiStores.rejected,
      requeue: apiStores.requeue,
      redelivery,
      search: new Search({ ...apiStores, redelivery }),
      inspector: new DeliveryInspector({
        ...apiStores,
        redelivery,
        parkedTtlMs: settings.PARKED_TTL,
      }),
      listen: tunnel.broker,
      workflows: new WorkflowControl({
        workflows: apiStores.workflows,
        check: workflowCheck(settings.PUBLIC_URL),
        now,
      }),
      apiKeys: apiStores.apiKeys,
      tokenEnds: apiStores.tokenEnds,
      stats,
      audit: apiStores.audit,
      eraser: new OwnerEraser({
        ...apiStores,
        sessions: tunnel.broker,
        now,
        onError: (error) => log.error({ err: error }, "owner.erasing_failed"),
      }),
    },
    sendTest: async (webhook, event) => {
      const deps = { deliver: sending, ...apiStores, log };
      const entry = await attemptTest(webhook, event, deps);
      live.addTest(ownerOf(webhook), entry);
      return entry;
    },
    live: hub,
    executions: options.executions,
    executionControl: options.executionControl,
    config: {
      apiTokens,
      corsOrigins: settings.CORS_ORIGINS,
      publicUrl: settings.PUBLIC_URL,
      maxWebhookBytes: settings.MAX_WEBHOOK_BYTES,
      hasPortal: settings.DASHBOARD,
      ...limits,
      eventCatalogue: settings.EVENT_CATALOGUE ?? [],
      version: VERSION,
    },
    metrics: options.metrics,
    notReadyCauses: options.notReadyCauses,
    now,
    log,
  });
}
