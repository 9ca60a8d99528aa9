// Deliveries to a temporary webhook go into its session, never out over HTTP: this stands before the
// guard and the sender of all other deliveries.
import { DRAINED, type Answer } from "../delivery/http/answer.ts";
import type { Egress } from "../delivery/egress.ts";
import { TIMED_OUT } from "../delivery/http/failure.ts";
import type { SendRequest } from "../delivery/http/send.ts";
import type { HandedOver, TunnelBroker } from "./broker.ts";
import { ValkeyFull, ValkeyUnavailable } from "../valkey/connection/errors.ts";
import { endToEnd, LISTEN_SCHEME } from "../wire/tunnel.ts";

export type Sending = Pick<Egress, "guard" | "send">;

/** For deliveries only: at saving, the egress guard goes on refusing the scheme. */
export function withSessions(egress: Sending, line: Pick<TunnelBroker, "handOver">): Sending {
  return {
    guard: {
      check: (target, deadline) =>
        target?.protocol === LISTEN_SCHEME
          ? { verdict: "allowed", target, addresses: [] }
          : egress.guard.check(target, deadline),
    },
    send: (request) =>
      request.target.protocol === LISTEN_SCHEME
        ? sendToSession(request, line)
        : egress.send(request),
  };
}

async function sendToSession(
  { target, headers, body, deadline }: SendRequest,
  line: Pick<TunnelBroker, "handOver">,
): Promise<Answer> {
  let answer: Answer;
  try {
    const request = {
      source: "delivery" as const,
      method: "POST",
      path: "",
      headers: endToEnd(Object.entries(headers)),
      body,
    };
    answer = toAnswer(await line.handOver(target.hostname, request, deadline.signal));
  } catch (error) {
    if (!(error instanceof ValkeyUnavailable || error instanceof ValkeyFull)) throw error;
    answer = { kind: "failure", reason: "connection-failed", code: error.name };
  }
  if (answer.kind === "response") deadline.clear();
  return answer;
}

function toAnswer(handedOver: HandedOver): Answer {
  switch (handedOver.kind) {
    case "answered": {
      const { status, headers } = handedOver.answer;
      const valueOf = (wanted: string) =>
        headers.find(({ name }) => name.toLowerCase() === wanted)?.value ?? null;
      return response(status, valueOf("retry-after"), valueOf("location"));
    }
    case "waiting":
      // It is in the session, and the client gets it when it is back.
      return response(202);
    case "full":
      return response(503);
    case "late":
      return TIMED_OUT;
    case "gone":
      // The retry finds its webhook deleted: the sweep comes before it.
      return { kind: "failure", reason: "connection-refused", code: "listen-session-ended" };
  }
}

function response(
  status: number,
  retryAfter: string | null = null,
  location: string | null = null,
): Answer {
  return { kind: "response", status, retryAfter, location, drained: DRAINED };
}
