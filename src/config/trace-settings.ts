// The settings of traces. They are OpenTelemetry's own variables, as for any other program of the operator
// (OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter Configuration").

export type TraceSettings =
  | { state: "off" }
  | { state: "on" }
  /** Set in a way that Fluxhook cannot follow; `hint` says what to change. */
  | { state: "wrong"; hint: string };

/** Reads whether spans are wanted. OpenTelemetry's libraries read the rest: name, headers, sampler. */
export function readTraceSettings(
  environment: Readonly<Record<string, string | undefined>>,
): TraceSettings {
  const value = (name: string) => environment[name]?.trim() ?? "";
  const [name, endpoint] =
    value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") === ""
      ? ["OTEL_EXPORTER_OTLP_ENDPOINT", value("OTEL_EXPORTER_OTLP_ENDPOINT")]
      : ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")];
  if (endpoint === "" || value("OTEL_SDK_DISABLED").toLowerCase() === "true") {
    return { state: "off" };
  }
  const exporter = value("OTEL_TRACES_EXPORTER");
  if (exporter !== "" && exporter !== "otlp") return { state: "off" };
  const protocol =
    value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") || value("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol === "grpc") {
    const hint =
      "OTEL_EXPORTER_OTLP_PROTOCOL is grpc; only OTLP over HTTP is supported, on port 4318";
    return { state: "wrong", hint };
  }
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    // The value may contain a password.
    return { state: "wrong", hint: `${name} must be an http:// or https:// URL` };
  }
  return { state: "on" };
}
