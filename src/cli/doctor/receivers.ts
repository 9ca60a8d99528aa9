// The checks of the registered webhooks and of the connections to their receivers. They read the webhooks
// once, and share one resolver.
import type { Settings } from "../../config/settings.ts";
import { createResolver } from "../../delivery/guard/resolve.ts";
import { asksValkey, together, withoutValkey, type Check, type Finding } from "./check.ts";
import { checkOpenings, checkProxy, checkReceivers, openEgress } from "./egress.ts";
import { askNames, checkNames, namesToAsk } from "./names.ts";
import { readRegistered, type Registered } from "./registered.ts";
import type { ValkeyUp } from "./valkey-state.ts";
import { checkWebhookSecrets } from "./webhook-secrets.ts";

/** The settings on which the guard's verdict depends. */
export const EGRESS_SETTINGS = [
  "EGRESS_ALLOW",
  "EGRESS_PORTS",
  "EGRESS_HTTP",
  "DNS_SERVERS",
] as const;

const NONE: Registered = { webhooks: [], total: 0, unreadable: 0 };

export function receiverChecks(settings: Settings): Check[] {
  let reading: Promise<Registered> | undefined;
  const registered = (valkey: ValkeyUp) => (reading ??= readRegistered(valkey, settings));
  const egress = openEgress(settings);
  // The system resolves the names of Valkey and the proxy; FLUXHOOK_DNS_SERVERS does not apply to them.
  const system = createResolver();

  /** Without Valkey it checks only what the settings name, and reports that. */
  function overReceivers(check: (receivers: Registered) => Promise<Finding>): Check["look"] {
    return async ({ valkey }) => {
      if (valkey.isUp) return check(await registered(valkey));
      const unknown = withoutValkey(valkey.why);
      const finding = await check(NONE);
      return finding.status === "skipped" ? unknown : together([finding, unknown]);
    };
  }

  return [
    {
      name: "webhook-secrets",
      reads: ["PREFIX", "SECRET_KEY"],
      look: asksValkey(async (valkey) =>
        checkWebhookSecrets(await registered(valkey), settings.SECRET_KEY),
      ),
    },
    {
      name: "dns",
      reads: ["PREFIX", "DNS_SERVERS"],
      look: overReceivers(async ({ webhooks }) =>
        checkNames(
          await askNames(namesToAsk(webhooks, settings), ({ setting }) =>
            setting === null || setting === "FLUXHOOK_ALERT_URL" ? egress.resolve : system,
          ),
        ),
      ),
    },
    {
      name: "egress",
      reads: ["PREFIX", ...EGRESS_SETTINGS],
      look: overReceivers((receivers) =>
        checkReceivers(egress.guard, receivers, settings.ALERT_URL),
      ),
    },
    {
      name: "egress-openings",
      reads: ["EGRESS_ALLOW", "EGRESS_HTTP"],
      look: () => checkOpenings(settings),
    },
    {
      name: "egress-proxy",
      reads: ["EGRESS_PROXY", "EGRESS_CA"],
      look: () => checkProxy(settings.EGRESS_PROXY, settings.EGRESS_CA),
    },
  ];
}
