// `fluxhook doctor --url`: checks what would happen to a delivery: the name, the guard's verdict, the
// connection. It sends no request, and does not print the URL's path, query and credentials.
import type { Settings } from "../../config/settings.ts";
import { Deadline, EXPIRED } from "../../deadline.ts";
import type { Egress } from "../../delivery/egress.ts";
import type { Failure, FailureReason } from "../../delivery/http/failure.ts";
import type { Verdict } from "../../delivery/guard/guard.ts";
import type { Target } from "../../delivery/guard/target.ts";
import { ok, problem, skipped, warning, type CheckResult, type Finding } from "./check.ts";
import { dial, type Connected } from "./dial.ts";
import { shownAddress } from "../../valkey/connection/address.ts";

const STEP_WITHIN_MS = 5_000;
const DAY_MS = 86_400_000;
/** Certificates of most authorities are renewed a month before they expire. */
const SOON_DAYS = 14;

export async function checkUrl(
  target: Target,
  { resolve, guard }: Pick<Egress, "resolve" | "guard">,
  settings: Pick<Settings, "EGRESS_PROXY" | "EGRESS_CA">,
): Promise<CheckResult[]> {
  const name = await withDeadline((deadline) => checkName(target, resolve, deadline));
  const verdict = await withDeadline(async (deadline) => guard.check(target, deadline));
  const connection = await withDeadline((deadline) =>
    checkConnection(target, verdict, settings, deadline),
  );
  return [
    { check: "name", ...name },
    { check: "guard", ...checkVerdict(target, verdict) },
    { check: "connection", ...connection },
  ];
}

async function withDeadline<T>(step: (deadline: Deadline) => Promise<T>): Promise<T> {
  const deadline = new Deadline(STEP_WITHIN_MS);
  try {
    return await step(deadline);
  } finally {
    deadline.clear();
  }
}

async function checkName(
  { hostname, literal }: Target,
  resolve: Egress["resolve"],
  deadline: Deadline,
): Promise<Finding> {
  if (literal !== null) return ok(`${literal.address} is an address`);
  const started = performance.now();
  const resolution = await resolve(hostname, deadline);
  const took = `${Math.round(performance.now() - started)} ms`;
  const advice = "correct the name, or see to the name servers (FLUXHOOK_DNS_SERVERS)";
  if (resolution === EXPIRED) return problem(`${hostname}: no answer in ${took}`, advice);
  if (resolution.kind === "unresolved") {
    return problem(`${hostname}: ${resolution.code} after ${took}`, advice);
  }
  const addresses = resolution.addresses.map(({ address }) => address).join(", ");
  return ok(`${hostname} is ${addresses}, in ${took}`);
}

function checkVerdict({ hostHeader }: Target, verdict: Verdict): Finding {
  switch (verdict.verdict) {
    case "allowed":
      return ok(`${hostHeader} may be dialled`);
    case "blocked":
      return problem(
        `denied: ${verdict.detail}`,
        "deliveries there fail; if it is meant, open it: FLUXHOOK_EGRESS_ALLOW for a network, _PORTS, _HTTP",
      );
    case "unresolved":
      return skipped("there is no address to judge");
  }
}

async function checkConnection(
  target: Target,
  verdict: Verdict,
  { EGRESS_PROXY: proxy, EGRESS_CA: ca }: Pick<Settings, "EGRESS_PROXY" | "EGRESS_CA">,
  deadline: Deadline,
): Promise<Finding> {
  if (verdict.verdict !== "allowed") return skipped("nothing is dialled that was not approved");
  if (proxy !== undefined) {
    return skipped(`FLUXHOOK_EGRESS_PROXY, ${shownAddress(proxy)}, makes it; it was not asked to`);
  }
  const dialled = await dial(target, verdict.addresses, deadline, ca);
  return dialled.kind === "connected" ? connectionFinding(dialled) : failureFinding(dialled);
}

export function connectionFinding({ address, ms, tls }: Connected, now = Date.now()): Finding {
  const found = `${address} in ${ms} ms`;
  if (tls === null) return ok(`${found}, plain http`);
  const days = Math.floor((tls.certificateEndsAt.getTime() - now) / DAY_MS);
  const secured = `${found}, ${tls.version ?? "TLS"}, its certificate ends in ${days} days`;
  return days < SOON_DAYS
    ? warning(secured, "its owner has to renew it: then every delivery fails")
    : ok(secured);
}

const ADVICE: Partial<Record<FailureReason, string>> = {
  timeout: "nothing answers there: a firewall between, or the wrong address",
  "connection-refused":
    "nobody listens there, or no way leads there: start the receiver, or correct the port",
  "connection-reset": "the receiver, or something between, hung up",
  "tls-expired": "its owner has to renew the certificate; or the clock of this machine is wrong",
  "tls-untrusted":
    "its owner has to send the intermediate certificates too; name a private authority in FLUXHOOK_EGRESS_CA, or add it to the system's store",
  "tls-wrong-name": "its owner needs a certificate for this name; or correct the URL",
  tls: "it has to speak TLS 1.2 or 1.3 and present a server's certificate; see docs/security.md",
};

export function failureFinding({ reason, code }: Failure): Finding {
  return problem(
    code === null ? reason : `${reason} (${code})`,
    ADVICE[reason] ?? "see whether this machine's network reaches it",
  );
}
