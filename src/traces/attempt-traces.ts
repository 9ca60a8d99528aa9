// One span for each attempt, as a child of the event's `traceparent`, by OpenTelemetry's libraries over
// OTLP/HTTP. Loaded only where OTEL_EXPORTER_OTLP_ENDPOINT is set: the libraries take 14 MB.
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  detectResources,
  defaultResource,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  ParentBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import { BoundedExport } from "./bounded-export.ts";

export interface AttemptTracesOptions {
  environment: Readonly<Record<string, string | undefined>>;
  version: string;
  log: { warn(fields: object, event: string): void };
  /** Called with how many spans were lost, for a counter. */
  onDropped?: (spans: number) => void;
}

export interface TracedAttempt {
  deliveryId: string;
  webhookId: string;
  eventId: string;
  eventType: string;
  /** 1 for the first. */
  attempt: number;
  /** Of the event, as its producer gave it. */
  traceparent: string | undefined;
}

export interface TracedResult {
  /** The URL without query, fragment and credentials. */
  endpoint: string;
  outcome: string;
  reason: string | null;
  statusCode: number | null;
}

/** The span of an attempt under way. */
export interface AttemptSpan {
  /** What the receiver gets: the span's own id. */
  traceparent: string;
  end(result: TracedResult): void;
}

const FLUSH_LIMIT_MS = 2_000;
/** W3C Trace Context §3.2.2.5 */
const SAMPLED = 1;

export class AttemptTraces {
  private readonly tracer: Tracer;
  private readonly spans: BoundedExport;
  /** Whether an event whose producer does not trace it can have a span. */
  private readonly hasRoots: boolean;

  constructor({ environment, version, log, onDropped }: AttemptTracesOptions) {
    this.spans = new BoundedExport({ exporter: new OTLPTraceExporter(), log, onDropped });
    this.hasRoots = Boolean(environment["OTEL_TRACES_SAMPLER"]);
    const own = { "service.name": "fluxhook", "service.version": version };
    const provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes(own))
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [this.spans],
      // Unless the operator names a sampler: a span costs about as much as a delivery, so only events that
      // their producers trace have one.
      ...(this.hasRoots
        ? {}
        : { sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) }),
    });
    this.tracer = provider.getTracer("fluxhook", version);
  }

  /** Returns null for an attempt without a span: its `traceparent` goes out as it came. */
  begin(about: TracedAttempt): AttemptSpan | null {
    const { traceparent } = about;
    if (traceparent === undefined && !this.hasRoots) return null;
    if (!this.spans.hasRoom) {
      this.spans.drop();
      return null;
    }
    const parent =
      traceparent === undefined
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, parentIn(traceparent));
    const span = this.tracer.startSpan(
      `deliver ${about.eventType}`,
      { kind: SpanKind.CLIENT, attributes: attributesOf(about) },
      parent,
    );
    if (!span.isRecording()) return null;
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
      end: (result) => end(span, result),
    };
  }

  /** Exports what waits, within two seconds. */
  stop(): Promise<void> {
    return this.spans.stop(FLUSH_LIMIT_MS);
  }
}

/** `traceparent` was checked when the event was read. */
function parentIn(traceparent: string) {
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED, isRemote: true };
}

/** Never a query, a header or a body (guarantee 9). */
function attributesOf(about: TracedAttempt): Attributes {
  return {
    "http.request.method": "POST",
    "http.request.resend_count": about.attempt - 1,
    "fluxhook.webhook_id": about.webhookId,
    "fluxhook.delivery_id": about.deliveryId,
    "fluxhook.event_id": about.eventId,
    "fluxhook.event_type": about.eventType,
  };
}

function end(span: Span, { endpoint, outcome, reason, statusCode }: TracedResult): void {
  const url = URL.parse(endpoint);
  span.setAttributes({
    "url.full": endpoint,
    "fluxhook.outcome": outcome,
    ...(url === null
      ? {}
      : {
          "server.address": url.hostname,
          "server.port": Number(url.port) || (url.protocol === "https:" ? 443 : 80),
        }),
    ...(statusCode === null ? {} : { "http.response.status_code": statusCode }),
  });
  if (reason !== null) {
    span.setAttribute("error.type", reason);
    span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  }
  span.end();
}
