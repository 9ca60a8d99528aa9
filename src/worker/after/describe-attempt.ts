// Describes what an attempt sent and got, for those attempts that are kept. It is not called on the way of a
// delivery, but when a group of attempts is written.
import { isUtf8 } from "node:buffer";
import type { Attempt } from "../../delivery/deliver.ts";
import type { PeerCertificate } from "../../delivery/http/peer-certificate.ts";
import type { Transcript } from "../../delivery/http/transcript.ts";
import type { AttemptDetail, ReceiverCertificate } from "../../wire/attempt-detail.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import { maskRequest, maskResponse, maskText } from "./mask.ts";

/** A longer head of a response is cut off; those of requests are bounded by the webhook's own limits. */
const MAX_HEAD_CHARACTERS = 2_048;

/** The reasons whose code names neither an address nor the operator's proxy. */
const CODED =
  /^(?:dns|bad-response|tls|tls-expired|tls-untrusted|tls-wrong-name|connection-(?:refused|reset|failed))$/;

/** Returns null for an attempt without a transcript (`FLUXHOOK_LOG_DETAIL=0`). */
export function describeAttempt(
  { transcript, outcome, durationMs, detail }: Attempt,
  webhook: Pick<WebhookRecord, "url" | "headers" | "timeout_ms">,
): AttemptDetail | null {
  if (transcript === null) return null;
  const { head, secrets } = maskRequest(transcript.requestHead, webhook);
  const { responseHead, certificate } = transcript;
  const isHeadCut = responseHead.length > MAX_HEAD_CHARACTERS;
  const response = maskResponse(responseHead.slice(0, MAX_HEAD_CHARACTERS), secrets, isHeadCut);
  const reason = outcome.reason ?? "";
  return {
    request_head: withoutEmptyLine(head),
    response_head: withoutEmptyLine(response),
    ...(isHeadCut ? { is_head_cut: true } : {}),
    ...excerptOf(transcript, secrets),
    body_bytes: transcript.bodyBytes,
    timing: timingOf(transcript, durationMs),
    ...(CODED.test(reason) && detail !== null ? { code: detail } : {}),
    ...(certificate === null ? {} : { certificate: written(certificate) }),
    ...(reason === "timeout" ? { timeout_ms: webhook.timeout_ms } : {}),
  };
}

function withoutEmptyLine(head: string): string {
  if (head.endsWith("\r\n\r\n")) return head.slice(0, -4);
  return head.replace(/\s+$/, "");
}

function excerptOf(
  transcript: Transcript,
  secrets: readonly string[],
): Pick<AttemptDetail, "excerpt" | "excerpt_base64"> {
  const bytes = transcript.excerpt();
  if (bytes.length === 0) return {};
  const isCut = bytes.length < transcript.bodyBytes;
  const text = textOf(bytes, isCut);
  if (text !== null) return { excerpt: maskText(text, secrets, isCut) };
  const masked = maskText(Buffer.from(bytes).toString("latin1"), secrets, isCut);
  return { excerpt_base64: Buffer.from(masked, "latin1").toString("base64") };
}

/** Null if it is not text in UTF-8. What is cut off may end within a character. */
function textOf(bytes: Uint8Array, isCut: boolean): string | null {
  const whole = isCut ? bytes.subarray(0, bytes.length - bytesOfCutCharacter(bytes)) : bytes;
  if (!isUtf8(whole)) return null;
  const text = Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString();
  return text.includes("\0") ? null : text;
}

/** How many bytes at the end begin a character that needs more of them (RFC 3629 §3). */
function bytesOfCutCharacter(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

function timingOf(transcript: Transcript, durationMs: number): AttemptDetail["timing"] {
  const { waitedMs, resolveMs, connectMs, tlsMs, requestHead } = transcript;
  const before = resolveMs + (connectMs ?? 0) + (tlsMs ?? 0);
  return {
    slot_ms: rounded(waitedMs),
    resolve_ms: rounded(resolveMs),
    connect_ms: connectMs === null ? null : rounded(connectMs),
    tls_ms: tlsMs === null ? null : rounded(tlsMs),
    response_ms: requestHead === "" ? null : rounded(durationMs - before),
  };
}

/** Tenths of a millisecond. Never below 0: the clock of connections leaves out what held up this process. */
function rounded(ms: number): number {
  return Math.max(0, Math.round(ms * 10) / 10);
}

function written(found: PeerCertificate): ReceiverCertificate {
  return {
    valid_from: found.validFrom,
    valid_to: found.validTo,
    names: found.names,
    issuer: found.issuer,
    is_self_signed: found.isSelfSigned,
  };
}
