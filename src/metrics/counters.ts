// The counters and histograms of `GET /metrics`.
import { OUTCOMES } from "../stats/attempt-counts.ts";
import {
  AGE_BOUNDS,
  ATTEMPT_BOUNDS,
  HTTP_BOUNDS,
  VALKEY_BOUNDS,
  WAIT_BOUNDS,
} from "../stats/bounds.ts";
import { ENDS, EVENT_RESULTS, HTTP_CLASSES, VALKEY_CALLS } from "../stats/counters.ts";
import type { LabelCounts } from "../stats/label-counts.ts";
import { one, type Metric, type MetricSource, type Sample } from "./metric.ts";

export const COUNTERS: readonly Metric[] = [
  {
    name: "fluxhook_claimed_total",
    type: "counter",
    help: "Items that this process has claimed: elements of the list, and deliveries that were ready, due or in a lane.",
    labels: ["queue"],
    read: labelled(["queue"], ({ counters }) => counters.claimedItems),
  },
  {
    name: "fluxhook_events_total",
    type: "counter",
    help: "Events by what became of them: matched (one webhook or more), nobody (no webhook matches), filtered (only webhooks whose filter refused it).",
    labels: ["result"],
    read: byName("result", EVENT_RESULTS, ({ counters }) => counters.events),
  },
  {
    name: "fluxhook_rejected_total",
    type: "counter",
    help: "Elements that are no valid event and went to the rejected list.",
    labels: ["queue", "reason"],
    read: labelled(["queue", "reason"], ({ counters }) => counters.rejections),
  },
  {
    name: "fluxhook_attempts_total",
    type: "counter",
    help: "Attempts by outcome (delivered, retry, parked), reason and dialect. The reason of a status is its class, such as http-5xx; that of a delivery is empty.",
    labels: ["outcome", "reason", "dialect"],
    read: ({ counters }) =>
      counters.attempts.entries.map(({ count, ...labels }) => ({ labels, value: count })),
  },
  {
    name: "fluxhook_deliveries_ended_total",
    type: "counter",
    help: "Deliveries and elements that this process has ended, by how; parked ones can be redelivered.",
    labels: ["end"],
    read: byName("end", ENDS, ({ counters }) => counters.ends),
  },
  {
    name: "fluxhook_redelivered_total",
    type: "counter",
    help: "Deliveries that were redelivered on request through this process.",
    labels: [],
    read: one(({ counters }) => counters.redelivered),
  },
  {
    name: "fluxhook_webhooks_disabled_total",
    type: "counter",
    help: "Webhooks that were disabled: gone (a 410) or failing (by their disable rule).",
    labels: ["rule"],
    read: labelled(["rule"], ({ counters }) => counters.disabled),
  },
  {
    name: "fluxhook_claims_taken_over_total",
    type: "counter",
    help: "Claims of dead workers that this process has taken over. Their deliveries may be sent twice.",
    labels: ["queue"],
    read: labelled(["queue"], ({ counters }) => counters.takenOver),
  },
  {
    name: "fluxhook_put_back_total",
    type: "counter",
    help: "Claims that were returned as they came, most of them by a worker that stops.",
    labels: ["queue"],
    read: labelled(["queue"], ({ counters }) => counters.putBack),
  },
  {
    name: "fluxhook_fell_out_total",
    type: "counter",
    help: "Entries that were lost because a list was full: parked (deliveries) or rejected (elements).",
    labels: ["list"],
    read: labelled(["list"], ({ counters }) => counters.fellOut),
  },
  {
    name: "fluxhook_alerts_total",
    type: "counter",
    help: "Alerts that this process has raised, by kind.",
    labels: ["kind"],
    read: labelled(["kind"], ({ counters }) => counters.alerts),
  },
  {
    name: "fluxhook_log_entries_dropped_total",
    type: "counter",
    help: "Writes to owners' logs, to the failures and to the health of webhooks that were dropped; no delivery was.",
    labels: [],
    read: one(({ counters }) => counters.logEntriesDropped),
  },
  {
    name: "fluxhook_attempts_stream_dropped_total",
    type: "counter",
    help: "Attempts that are missing in the stream of FLUXHOOK_ATTEMPTS_STREAM; no delivery is.",
    labels: [],
    read: one(({ counters }) => counters.streamedAttemptsDropped),
  },
  {
    name: "fluxhook_spans_dropped_total",
    type: "counter",
    help: "Spans that the collector of traces did not get: it was slow, away, or refused them.",
    labels: [],
    read: one(({ counters }) => counters.spansDropped),
  },
  {
    name: "fluxhook_stream_messages_dropped_total",
    type: "counter",
    help: "Events of GET /v1/stream that a viewer was too slow for.",
    labels: [],
    read: one(({ counters }) => counters.streamMessagesDropped),
  },
  {
    name: "fluxhook_connections_total",
    type: "counter",
    help: "Requests to receivers by the connection that they were sent on: reused is true or false.",
    labels: ["reused"],
    read: ({ counters: { connections } }) => [
      { labels: { reused: "true" }, value: connections.reused },
      { labels: { reused: "false" }, value: connections.new },
    ],
  },
  {
    name: "fluxhook_valkey_reconnects_total",
    type: "counter",
    help: "How often the connection to Valkey that serves deliveries was made again.",
    labels: [],
    read: one(({ counters }) => counters.reconnects),
  },
  {
    name: "fluxhook_http_requests_total",
    type: "counter",
    help: "Requests to this process by class (read, write, stream, inbound) and class of the status.",
    labels: ["class", "status_class"],
    read: labelled(["class", "status_class"], ({ counters }) => counters.httpRequests),
  },
  {
    name: "fluxhook_attempt_duration_seconds",
    type: "histogram",
    help: "From the start of an attempt to the response's headers or the failure.",
    labels: ["outcome"],
    bounds: ATTEMPT_BOUNDS,
    read: ({ counters }) =>
      OUTCOMES.map((outcome) => ({
        labels: { outcome },
        histogram: counters.attemptSeconds[outcome],
      })),
  },
  {
    name: "fluxhook_claim_to_attempt_seconds",
    type: "histogram",
    help: "From the claim of a delivery to the start of its attempt: signing, and the wait for a slot.",
    labels: [],
    bounds: WAIT_BOUNDS,
    read: ({ counters }) => [{ labels: {}, histogram: counters.claimToAttempt }],
  },
  {
    name: "fluxhook_event_age_seconds",
    type: "histogram",
    help: "From the event's timestamp to the start of its first attempt, where the producer gave one.",
    labels: [],
    bounds: AGE_BOUNDS,
    read: ({ counters }) => [{ labels: {}, histogram: counters.eventAge }],
  },
  {
    name: "fluxhook_valkey_call_duration_seconds",
    type: "histogram",
    help: "How long Valkey took to answer: claim (without the claims that wait for an element), settle, record (logs) and beat (heartbeats).",
    labels: ["call"],
    bounds: VALKEY_BOUNDS,
    read: ({ counters }) =>
      VALKEY_CALLS.map((call) => ({ labels: { call }, histogram: counters.valkeyCalls[call] })),
  },
  {
    name: "fluxhook_http_request_duration_seconds",
    type: "histogram",
    help: "How long this process took to answer a request, by class; of a stream, until it began.",
    labels: ["class"],
    bounds: HTTP_BOUNDS,
    read: ({ counters }) =>
      HTTP_CLASSES.map((name) => ({
        labels: { class: name },
        histogram: counters.httpSeconds[name],
      })),
  },
];

function labelled(
  names: readonly string[],
  counts: (source: MetricSource) => LabelCounts,
): (source: MetricSource) => Sample[] {
  return (source) =>
    counts(source).entries.map(({ labels, count }) => ({
      labels: Object.fromEntries(names.map((name, at) => [name, labels[at] ?? ""])),
      value: count,
    }));
}

function byName<Name extends string>(
  label: string,
  names: readonly Name[],
  values: (source: MetricSource) => Readonly<Record<Name, number>>,
): (source: MetricSource) => Sample[] {
  return (source) =>
    names.map((name) => ({ labels: { [label]: name }, value: values(source)[name] }));
}
