// The checks that look at the registered webhooks and at the way to their receivers. They share one
// reading of the webhooks, and one resolver.
import type { Settings } from "../../config/settings.ts";
import { createResolver } from "../../delivery/guard/resolve.ts";
import { asksValkey, together, withoutValkey, type Check, type Finding } from "./check.ts";
import { checkOpenings, checkProxy, checkReceivers, openEgress } from "./egress.ts";
import { askNames, checkNames, namesToAsk } from "./names.ts";
import { readRegistered, type Registered } from "./registered.ts";
import type { ValkeyUp } from "./valkey-state.ts";
import { checkWebhookSecrets } from "./webhook-secrets.ts";

/** What the guard's verdict depends on. */
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
  // Valkey and the proxy are resolved by the system, whatever FLUXHOOK_DNS_SERVERS says.
  const system = createResolver();

  /** Without Valkey only what the settings name is judged, and that is said. */
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
