import { expect, test } from "bun:test";
import { readTraceSettings } from "../../src/config/trace-settings.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

test.each<[string, Record<string, string>, string]>([
  ["nothing is set", {}, "off"],
  ["an endpoint is set", endpoint, "on"],
  [
    "an endpoint for traces is set",
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c/v1/traces" },
    "on",
  ],
  ["the SDK is disabled", { ...endpoint, OTEL_SDK_DISABLED: "TRUE" }, "off"],
  ["the exporter is none", { ...endpoint, OTEL_TRACES_EXPORTER: "none" }, "off"],
  ["the exporter is otlp", { ...endpoint, OTEL_TRACES_EXPORTER: "otlp" }, "on"],
  [
    "the protocol is http/protobuf",
    { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
    "on",
  ],
  ["the protocol is grpc", { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "wrong"],
  ["the endpoint is no URL", { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, "wrong"],
  ["the endpoint is blank", { OTEL_EXPORTER_OTLP_ENDPOINT: " " }, "off"],
])("if %s, traces are %s", (_, environment, state) => {
  expect(readTraceSettings(environment).state as string).toBe(state);
});

test("a wrong endpoint is named and not repeated: it may hold a password", () => {
  const settings = readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://u:secret@c" });
  expect(settings).toEqual({
    state: "wrong",
    hint: "OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL",
  });
});
