// What the guard says of a target that it does not let through: `detail` to the operator, in the log,
// and `message` to the user who wants to register it.
import type { Target } from "./target.ts";

export interface GuardRefusal {
  /** May name an address of the network inside. */
  detail: string;
  /**
   * What was found and what would be accepted. Of a name's addresses only their kind: a user who
   * learned them could map the network that Fluxhook stands in.
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
    message: `${subject(target, address)} ${range}, which is not delivered to unless FLUXHOOK_EGRESS_ALLOW opens it`,
  };
}

export function ownListener(target: Target, address: string, name: string): GuardRefusal {
  return {
    detail: `${address} at port ${target.port} is ${name}`,
    message: `${subject(target, address)} ${name} at port ${target.port}, which is never delivered to, whatever FLUXHOOK_EGRESS_ALLOW opens`,
  };
}

export function plainHttp(): GuardRefusal {
  return {
    detail: "plain http is not enabled (EGRESS_HTTP)",
    message:
      "plain http is not accepted; use https (FLUXHOOK_EGRESS_HTTP opens http to public addresses)",
  };
}

export function closedPort(
  { port }: Target,
  ports: readonly { from: number; to: number }[],
): GuardRefusal {
  const open = ports.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
  return {
    detail: `port ${port} is not in EGRESS_PORTS`,
    message: `port ${port} is not accepted; FLUXHOOK_EGRESS_PORTS opens ${open || "none"}`,
  };
}

function subject(target: Target, address: string): string {
  return target.literal ? `${address} is` : `${target.hostname} resolves to`;
}
