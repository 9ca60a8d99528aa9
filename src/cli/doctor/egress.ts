// Checks how far the guard is opened, and what it decides for the registered webhooks.
import type { Settings } from "../../config/settings.ts";
import { isWithin, parseAddress, parseRange, type Address } from "../../delivery/guard/address.ts";
import { Deadline, EXPIRED } from "../../deadline.ts";
import { createEgress, type Egress } from "../../delivery/egress.ts";
import type { Guard, Verdict } from "../../delivery/guard/guard.ts";
import { createResolver } from "../../delivery/guard/resolve.ts";
import { readTarget, type Target } from "../../delivery/guard/target.ts";
import { ok, problem, skipped, together, warning, type Finding } from "./check.ts";
import { dial } from "./dial.ts";
import { ofSample, type Registered } from "./registered.ts";
import { shownAddress } from "../../valkey/connection/address.ts";

/** Builds the guard as the service does: deliveries can never connect to its own API. */
export function openEgress(settings: Settings): Egress {
  const egress = createEgress(settings);
  if (settings.PORT !== 0) {
    egress.protect({ name: "Fluxhook's own API", host: settings.HOST, port: settings.PORT });
  }
  return egress;
}

const JUDGED_WITHIN_MS = 4_000;
const MAX_CHECKED = 200;
const MAX_SHOWN = 3;
/** Two ranges of this length cover all addresses. */
const EVERYTHING_BITS = 1;

/** Metadata services of clouds, which return credentials without authentication. */
const METADATA = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"];

export function checkOpenings({
  EGRESS_ALLOW,
  EGRESS_HTTP,
}: Pick<Settings, "EGRESS_ALLOW" | "EGRESS_HTTP">): Finding {
  const ranges = EGRESS_ALLOW.map((text) => ({ text, range: parseRange(text) }));
  const everything = ranges.filter(({ range }) => range[1] <= EVERYTHING_BITS);
  if (everything.length > 0) {
    return problem(
      `FLUXHOOK_EGRESS_ALLOW ${texts(everything)}: the guard is off`,
      "name only the ranges that receivers are in",
    );
  }
  const metadata = METADATA.filter((address) => {
    const parsed = parseAddress(address);
    return (
      parsed !== null &&
      isWithin(
        parsed,
        ranges.map(({ range }) => range),
      )
    );
  });
  if (metadata.length > 0) {
    return problem(
      `FLUXHOOK_EGRESS_ALLOW opens a cloud's metadata service, ${metadata.join(", ")}`,
      "name narrower ranges: whoever registers a webhook can reach that service",
    );
  }
  const opened = ranges.length === 0 ? "no private range is open" : `open: ${texts(ranges)}`;
  return EGRESS_HTTP
    ? warning(
        `${opened}; plain http to public addresses (FLUXHOOK_EGRESS_HTTP)`,
        "set it to false: signatures and data are readable on the way",
      )
    : ok(opened);
}

const texts = (ranges: readonly { text: string }[]) => ranges.map(({ text }) => text).join(", ");

export interface Judged {
  /** Names a webhook by its id, never by its URL, whose path may be a secret. */
  subject: string;
  verdict: Verdict;
}

export async function checkUrls(
  guard: Guard,
  urls: readonly { subject: string; url: string }[],
): Promise<Judged[]> {
  return Promise.all(
    urls.map(async ({ subject, url }) => {
      const target = readTarget(url);
      const deadline = new Deadline(JUDGED_WITHIN_MS);
      const verdict = await guard.check(target, deadline);
      deadline.clear();
      return { subject: target ? `${subject} (${target.hostHeader})` : subject, verdict };
    }),
  );
}

/** Checks if `FLUXHOOK_EGRESS_PROXY` accepts connections. The system resolves its name. */
export async function checkProxy(proxy: string | undefined, ca?: string): Promise<Finding> {
  if (proxy === undefined) return skipped("FLUXHOOK_EGRESS_PROXY is not set");
  const target = readTarget(proxy);
  if (target === null) throw new Error("the settings let a proxy through that is no URL");
  const at = shownAddress(proxy);
  const advice = "every delivery fails: start it, or correct FLUXHOOK_EGRESS_PROXY";
  const deadline = new Deadline(JUDGED_WITHIN_MS);
  try {
    const { addresses, problem: unresolved } = await addressesOf(target, deadline);
    if (unresolved !== null) return problem(`${at}: ${unresolved}`, advice);
    const dialled = await dial(target, addresses, deadline, ca);
    return dialled.kind === "connected"
      ? ok(`${at} takes connections, in ${dialled.ms} ms`)
      : problem(`${at}: ${dialled.code ?? dialled.reason}`, advice);
  } finally {
    deadline.clear();
  }
}

async function addressesOf(
  { literal, hostname }: Target,
  deadline: Deadline,
): Promise<{ addresses: readonly Address[]; problem: string | null }> {
  if (literal !== null) return { addresses: [literal], problem: null };
  const resolution = await createResolver()(hostname, deadline);
  if (resolution === EXPIRED) return { addresses: [], problem: "its name has no answer in time" };
  return resolution.kind === "resolved"
    ? { addresses: resolution.addresses, problem: null }
    : { addresses: [], problem: `its name: ${resolution.code}` };
}

/** Checks a sample of the enabled webhooks, and `FLUXHOOK_ALERT_URL`, with the guard. */
export async function checkReceivers(
  guard: Guard,
  registered: Registered,
  alertUrl: string | undefined,
): Promise<Finding> {
  const enabled = registered.webhooks.filter((webhook) => webhook.enabled).slice(0, MAX_CHECKED);
  const findings: Finding[] = [];
  if (alertUrl !== undefined) {
    const [alert] = await checkUrls(guard, [{ subject: "FLUXHOOK_ALERT_URL", url: alertUrl }]);
    if (alert) findings.push(checkAlert(alert));
  }
  if (enabled.length > 0) {
    const judged = await checkUrls(
      guard,
      enabled.map(({ id, url }) => ({ subject: id, url })),
    );
    findings.push(checkSample(judged, ofSample(registered, enabled.length)));
  }
  return findings.length === 0
    ? skipped("no webhook is registered and enabled")
    : together(findings);
}

function checkAlert({ subject, verdict }: Judged): Finding {
  return verdict.verdict === "blocked"
    ? problem(
        `${subject}: ${verdict.detail}`,
        "no alert is delivered: open its network in FLUXHOOK_EGRESS_ALLOW, or change the address",
      )
    : ok(`${subject} ${verdict.verdict === "allowed" ? "may be dialled" : "has no address"}`);
}

function checkSample(judged: readonly Judged[], sample: string): Finding {
  const unresolved = judged.filter(({ verdict }) => verdict.verdict === "unresolved").length;
  const denied = judged.flatMap(({ subject, verdict }) =>
    verdict.verdict === "blocked" ? [`${subject}: ${verdict.detail}`] : [],
  );
  const counts = `${sample}, ${denied.length} are denied${unresolved > 0 ? `, ${unresolved} have no address` : ""}`;
  if (denied.length === 0) return ok(counts);
  const shown = [...denied.slice(0, MAX_SHOWN), ...(denied.length > MAX_SHOWN ? ["…"] : [])];
  return warning(
    [counts, ...shown].join("\n"),
    "their deliveries fail: if that network is meant, open it in FLUXHOOK_EGRESS_ALLOW",
  );
}
