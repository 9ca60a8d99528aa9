// Traces of a real service at a collector that speaks OTLP over HTTP.
import { expect, test } from "bun:test";
import { startReceiver, type Receiver } from "../support/receiver.ts";
import { eventually } from "../support/eventually.ts";
import { metricOf } from "../support/metric.ts";
import { openScene, register, type Scene } from "../support/serve-scene.ts";

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code: number; message?: string };
}

interface OtlpRequest {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: OtlpSpan[] }[];
  }[];
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const UNSAMPLED = `00-${TRACE}-b7ad6b7169203331-00`;

const event = (fields: object) =>
  JSON.stringify({ user_id: "u_1", event: "file.created", data: {}, ...fields });

function spansAt(collector: Receiver): OtlpSpan[] {
  return collector.requests.flatMap(({ text }) =>
    (JSON.parse(text) as OtlpRequest).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  );
}

const attributes = (span: OtlpSpan) =>
  Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

async function traced(scene: Scene, collector: Receiver, env: Record<string, string> = {}) {
  const receiver = scene.receiver(
    ({ path }) => new Response(null, { status: path === "/no" ? 500 : 204 }),
  );
  const service = await scene.serve({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env });
  return { receiver, service };
}

test("an attempt is a client span under the event's traceparent, and the receiver gets the span's id", async () => {
  await using scene = await openScene();
  const collector = scene.receiver();
  const { receiver, service } = await traced(scene, collector, {
    OTEL_SERVICE_NAME: "hooks-of-acme",
    OTEL_EXPORTER_OTLP_HEADERS: "x-team=core",
  });
  const webhook = await register(service, {
    user_id: "u_1",
    url: `${receiver.url}/ok?key=canary-query`,
    headers: { "X-Secret": "canary-header" },
  });
  await scene.push(event({ id: "evt_traced", traceparent: PARENT, data: { c: "canary-body" } }));
  const [span] = await eventually(() => {
    const spans = spansAt(collector);
    return spans.length === 1 ? spans : null;
  });
  if (!span) throw new Error("no span");
  const [request] = receiver.requests;
  expect(request?.headers.get("traceparent")).toBe(`00-${TRACE}-${span.spanId}-01`);
  // 3: SPAN_KIND_CLIENT
  expect(span).toMatchObject({
    traceId: TRACE,
    parentSpanId: "b7ad6b7169203331",
    name: "deliver file.created",
    kind: 3,
  });
  const { port } = new URL(receiver.url);
  expect(attributes(span)).toMatchObject({
    "server.address": "127.0.0.1",
    "server.port": Number(port),
    "http.request.method": "POST",
    "http.response.status_code": 204,
    "fluxhook.webhook_id": webhook.id,
    "fluxhook.event_id": "evt_traced",
    "fluxhook.outcome": "delivered",
    "url.full": `${receiver.url}/ok`,
  });
  expect(BigInt(span.endTimeUnixNano)).toBeGreaterThan(BigInt(span.startTimeUnixNano));
  const [sent] = collector.requests;
  expect(sent?.path).toBe("/v1/traces");
  expect(sent?.headers.get("x-team")).toBe("core");
  expect(sent?.text).toContain("hooks-of-acme");
  expect(sent?.text).not.toContain("canary");
});

test("a failed attempt has the status error and its reason", async () => {
  await using scene = await openScene();
  const collector = scene.receiver();
  const { receiver, service } = await traced(scene, collector);
  await register(service, { user_id: "u_1", url: `${receiver.url}/no`, retry_schedule: ["0s"] });
  await scene.push(event({ traceparent: PARENT }));
  const [span] = await eventually(() => {
    const spans = spansAt(collector);
    return spans.length > 0 ? spans : null;
  });
  // 2: STATUS_CODE_ERROR
  expect(span?.status).toEqual({ code: 2, message: "http-500" });
  expect(attributes(span as OtlpSpan)).toMatchObject({
    "error.type": "http-500",
    "fluxhook.outcome": "parked",
  });
});

test("events that their producer does not sample have no span, and their traceparent goes out as it came", async () => {
  await using scene = await openScene();
  const collector = scene.receiver();
  const { receiver, service } = await traced(scene, collector);
  await register(service, { user_id: "u_1", url: `${receiver.url}/ok` });
  await scene.push(event({}), event({ traceparent: UNSAMPLED }), event({ traceparent: PARENT }));
  await eventually(() => receiver.requests.length === 3);
  const sent = receiver.requests.map(({ headers }) => headers.get("traceparent"));
  expect(sent.filter((one) => one === UNSAMPLED)).toHaveLength(1);
  expect(sent.filter((one) => one === null)).toHaveLength(1);
  await service.stop();
  expect(spansAt(collector)).toHaveLength(1);
});

test("OTEL_TRACES_SAMPLER=always_on gives every attempt a span, and the last ones leave at the stop", async () => {
  await using scene = await openScene();
  const collector = scene.receiver();
  const { receiver, service } = await traced(scene, collector, {
    OTEL_TRACES_SAMPLER: "always_on",
  });
  await register(service, { user_id: "u_1", url: `${receiver.url}/ok` });
  await scene.push(...Array.from({ length: 20 }, () => event({})));
  await eventually(() => receiver.requests.length === 20);
  expect(await service.stop()).toBe(0);
  const ids = spansAt(collector).map(({ spanId }) => spanId);
  const sent = receiver.requests.map(
    ({ headers }) => headers.get("traceparent")?.split("-")[2] ?? "",
  );
  expect(ids.toSorted()).toEqual(sent.toSorted());
});

test("a collector that hangs delays neither deliveries nor the stop", async () => {
  await using scene = await openScene();
  const hanging = startReceiver(() => new Promise<Response>(() => {}));
  try {
    const { receiver, service } = await traced(scene, hanging, {
      OTEL_TRACES_SAMPLER: "always_on",
    });
    await register(service, { user_id: "u_1", url: `${receiver.url}/ok` });
    await scene.push(...Array.from({ length: 2_000 }, () => event({})));
    await eventually(() => receiver.requests.length === 2_000);
    const from = performance.now();
    expect(await service.stop()).toBe(0);
    expect(performance.now() - from).toBeLessThan(9_000);
    const dropped = service.lines.find(({ event: name }) => name === "traces.dropped");
    expect(dropped?.["spans"] as number).toBeGreaterThan(1_000);
  } finally {
    await hanging.stop();
  }
});

test("spans that a collector refuses are counted in the metrics", async () => {
  await using scene = await openScene();
  const refusing = scene.receiver(() => new Response(null, { status: 400 }));
  const { receiver, service } = await traced(scene, refusing);
  await register(service, { user_id: "u_1", url: `${receiver.url}/ok` });
  await scene.push(event({ traceparent: PARENT }), event({ traceparent: PARENT }));
  const dropped = () => metricOf(service, "fluxhook_spans_dropped_total");
  await eventually(async () => (await dropped()) === 2);
});

test("what OpenTelemetry's variables ask for and Fluxhook does not support is logged", async () => {
  await using scene = await openScene();
  const service = await scene.serve({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  });
  const line = service.lines.find(({ event: name }) => name === "traces.off");
  expect(line?.["hint"] as string).toContain("grpc");
});
