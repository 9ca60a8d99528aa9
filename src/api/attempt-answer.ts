// Makes the answer about an attempt from what is kept of it.
import type { AttemptBody, DeliveryPlace, InspectedAttempt } from "../control/inspect-delivery.ts";
import type { AttemptParts } from "../wire/attempt-answer.ts";
import type { AttemptDetail } from "../wire/attempt-detail.ts";
import { fieldsOf } from "../wire/head-fields.ts";

export function attemptParts({
  detail,
  body,
}: Pick<InspectedAttempt, "detail" | "body">): AttemptParts {
  const hasResponse = detail !== null && detail.response_head !== "";
  return {
    request: requestOf(detail, body),
    response: hasResponse ? responseOf(detail) : null,
    timing: detail?.timing ?? null,
    failure: detail === null || hasResponse ? null : failureOf(detail),
  };
}

function requestOf(detail: AttemptDetail | null, body: AttemptBody): AttemptParts["request"] {
  const text = "text" in body ? body.text : null;
  if (detail === null && text === null) return null;
  const head = detail?.request_head ?? "";
  const fields = fieldsOf(head);
  const length = fields.find(({ name }) => name === "Content-Length")?.value;
  return {
    is_sent: head !== "" || detail === null,
    method: "POST",
    target: /^POST (\S+) /.exec(head)?.[1] ?? null,
    headers: fields,
    body: text,
    body_missing: "missing" in body ? body.missing : null,
    size: text === null ? (length === undefined ? null : Number(length)) : Buffer.byteLength(text),
  };
}

function responseOf(detail: AttemptDetail): NonNullable<AttemptParts["response"]> {
  const { response_head, excerpt, excerpt_base64, body_bytes } = detail;
  const [, status = "0", status_text = ""] =
    /^HTTP\/\S+[ \t]+(\d{3})[ \t]?([^\r\n]*)/.exec(response_head) ?? [];
  const kept =
    excerpt_base64 === undefined
      ? Buffer.byteLength(excerpt ?? "")
      : Buffer.byteLength(excerpt_base64, "base64");
  return {
    status: Number(status),
    status_text,
    headers: fieldsOf(response_head),
    is_head_cut: detail.is_head_cut === true,
    excerpt: excerpt_base64 === undefined ? (excerpt ?? "") : null,
    ...(excerpt_base64 === undefined ? {} : { excerpt_base64 }),
    is_text: excerpt_base64 === undefined,
    is_cut: kept < body_bytes,
    size: body_bytes,
  };
}

function failureOf(detail: AttemptDetail): NonNullable<AttemptParts["failure"]> {
  return {
    phase: phaseOf(detail),
    code: detail.code ?? null,
    timeout_ms: detail.timeout_ms ?? null,
    certificate: detail.certificate ?? null,
  };
}

function phaseOf({ request_head, timing, code }: AttemptDetail) {
  if (request_head !== "") return "response";
  if (timing.tls_ms !== null) return "tls";
  if (timing.connect_ms !== null) return "connect";
  return timing.resolve_ms > 0 || code !== undefined ? "resolve" : null;
}

export function placeAnswer(place: DeliveryPlace) {
  const time = (ms: number) => new Date(ms).toISOString();
  return {
    state: place.state,
    next_attempt_at: place.state === "scheduled" ? time(place.nextAttemptAtMs) : null,
    parked_until: place.state === "parked" ? time(place.parkedUntilMs) : null,
  };
}
