// The texts of the guard's refusals: `detail` for the operator's log, `message` for the user who registers
// the URL.
import type { Target } from "./target.ts";

export interface GuardRefusal {
  /** May name an internal address. */
  detail: string;
  /**
   * What was found and what is accepted. It names only the kind of a name's addresses: with the addresses
   * a user could map Fluxhook's network.
   */
  message: string;
}

export function noUrl(): GuardRefusal {
  return { detail: "the URL cannot be parsed", message: "is not a URL" };
}

export function wrongScheme({ protocol }: Target): GuardRefusal {
  return {
    detail: `the scheme ${protocol} is not http or https`,
    message: `the scheme ${JSON.stringify(protocol)} is not accepted; use https: or http:`,
  };
}

export function noName({ hostname }: Target, problem: string): GuardRefusal {
  const text = `${JSON.stringify(hostname)} is not a host's name: ${problem}`;
  return { detail: text, message: text };
}

export function deniedAddress(target: Target, address: string, range: string): GuardRefusal {
  return {
    detail: `${address} is ${range}`,
    message: `${subject(target, address)} ${range}; Fluxhook delivers there only if FLUXHOOK_EGRESS_ALLOW allows it`,
  };
}

export function ownListener(target: Target, address: string, name: string): GuardRefusal {
  return {
    detail: `${address} at port ${target.port} is ${name}`,
    message: `${subject(target, address)} ${name} at port ${target.port}; Fluxhook never delivers there, whatever FLUXHOOK_EGRESS_ALLOW allows`,
  };
}

export function plainHttp(): GuardRefusal {
  return {
    detail: "plain http is not enabled (EGRESS_HTTP)",
    message:
      "plain http is not accepted; use https (FLUXHOOK_EGRESS_HTTP allows http to public addresses)",
  };
}

export function closedPort(
  { port }: Target,
  ports: readonly { from: number; to: number }[],
): GuardRefusal {
  const open = ports.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
  return {
    detail: `port ${port} is not in EGRESS_PORTS`,
    message: `port ${port} is not accepted; FLUXHOOK_EGRESS_PORTS allows ${open || "none"}`,
  };
}

function subject(target: Target, address: string): string {
  return target.literal ? `${address} is` : `${target.hostname} resolves to`;
}
