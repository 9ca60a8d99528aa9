import { describe, expect, test } from "bun:test";
import {
  readSettings,
  SETTINGS,
  SettingsError,
  type SettingName,
} from "../../src/config/settings.ts";

const DURATION = "is not a duration such as 250ms, 10s, 5m, 2h or 7d, from";
const ADDRESS =
  "is not a Valkey address; accepted are valkey://, redis://, rediss:// and a socket's path";
const PORTS = "is not a port or a range of ports such as 443 or 1024-65535";
const TYPES = "is not open, catalogue or a list of event types such as file.created";
const NAME_SERVER = "is not a name server such as 10.0.0.2, 10.0.0.2:5353 or [fd00::2]:53";
const API = "is not the API's address, such as http://127.0.0.1:8585 without user and query";
const PROXY = "is not a proxy's address such as http://proxy.internal:3128";
const PEM = "accepted is the path of a PEM file of certificates";
const KEY_1 =
  "has a wrong key 1; accepted is base64 of 32 bytes; make one with: openssl rand -base64 32";
const KEY_2 =
  "has a wrong key 2; accepted is base64 of 32 bytes; make one with: openssl rand -base64 32";

function problemsOf(environment: Record<string, string>, required: SettingName[] = []) {
  try {
    readSettings(environment, required);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

const whole = (found: string, min: number, max: number) =>
  `"${found}" is not a whole number from ${min} to ${max}`;

const BAD: [name: SettingName, value: string, problem: string][] = [
  ["VALKEY_URL", "http://:pass@host", ADDRESS],
  ["VALKEY_URL", "redis://", ADDRESS],
  ["VALKEY_URL", "localhost:6379", ADDRESS],
  [
    "PREFIX",
    "a b",
    `"a b" is not a prefix; accepted are printable ASCII characters except spaces and braces`,
  ],
  [
    "PREFIX",
    "{a}",
    `"{a}" is not a prefix; accepted are printable ASCII characters except spaces and braces`,
  ],
  ["QUEUE", ",", `"," does not name 1 to 16 lists, each once`],
  ["QUEUE", "a,b,a", `"a,b,a" does not name 1 to 16 lists, each once`],
  ["QUEUE", "a,b{}", `"b{}" is not a list's name; accepted are braces only as in {orders}:events`],
  ["QUEUE", "a{b", `"a{b" is not a list's name; accepted are braces only as in {orders}:events`],
  ["CLAIM", "fast", `"fast" is not one of safe, blpop`],
  ["PORT", "65536", whole("65536", 0, 65_535)],
  ["PORT", "1e3", whole("1e3", 0, 65_535)],
  ["PORT", "-1", whole("-1", 0, 65_535)],
  ["PORT", " 80", whole(" 80", 0, 65_535)],
  ["API_TOKEN", "x".repeat(23), "must be at least 24 characters long"],
  ["API_TOKEN", `${"x".repeat(23)}é`, "must be printable ASCII without spaces"],
  ["API_TOKEN", "x".repeat(23) + " y", "must be printable ASCII without spaces"],
  [
    "API_TOKEN",
    `${"x".repeat(24)},${"y".repeat(23)}`,
    "has a wrong token 2: each must be at least 24 characters long",
  ],
  [
    "API_TOKEN",
    `${"x".repeat(24)}, ${"y".repeat(24)}`,
    "has a wrong token 2: each must be printable ASCII without spaces",
  ],
  ["CONCURRENCY", "0", whole("0", 1, 65_000)],
  ["CONCURRENCY", "65001", whole("65001", 1, 65_000)],
  ["WEBHOOK_CONCURRENCY", "10001", whole("10001", 1, 10_000)],
  ["RETRY_SCHEDULE", ",", "names no delay"],
  ["RETRY_SCHEDULE", "0s,5 m", `"5 m" ${DURATION} 0s to 7d`],
  ["RETRY_SCHEDULE", "8d", `"8d" ${DURATION} 0s to 7d`],
  ["LOG_SIZE", "0", whole("0", 1, 1_000)],
  ["LOG_TTL", "7", `"7" ${DURATION} 1s to 365d`],
  ["LOG_TTL", "999ms", `"999ms" ${DURATION} 1s to 365d`],
  ["LOG_DETAIL", "16385", whole("16385", 0, 16_384)],
  ["LOG_DETAIL", "1KiB", whole("1KiB", 0, 16_384)],
  ["FAILURES_SIZE", "101", whole("101", 0, 100)],
  ["PARKED_TTL", "366d", `"366d" ${DURATION} 1s to 365d`],
  ["PARKED_MAX", "0", whole("0", 1, 100_000_000)],
  ["PARKED_MAX_BYTES", "1MB", whole("1MB", 1, 1_000_000_000_000)],
  ["REJECTED_TTL", "never", `"never" ${DURATION} 1s to 365d`],
  ["REJECTED_MAX", "0", whole("0", 1, 10_000_000)],
  ["MAX_EVENT_BYTES", "1023", whole("1023", 1_024, 16_777_216)],
  [
    "EVENT_CATALOGUE",
    "/nowhere.json",
    `names "/nowhere.json", which cannot be read (ENOENT); check the path and its permissions`,
  ],
  ["MAX_WEBHOOK_BYTES", "1e6", whole("1e6", 1_024, 16_777_216)],
  ["WORKFLOWS_MAX", "0", whole("0", 1, 100_000)],
  [
    "ATTEMPTS_STREAM",
    "a b",
    `"a b" is not a key; accepted are printable ASCII characters except spaces and braces`,
  ],
  ["ATTEMPTS_STREAM", "fluxhook:events", "is one of FLUXHOOK_QUEUE; accepted is a key of its own"],
  ["ATTEMPTS_STREAM_MAX", "0", whole("0", 1, 10_000_000)],
  ["LOG_ATTEMPTS", "some", `"some" is not one of none, failed, all`],
  ["EXECUTION_CONCURRENCY", "0", whole("0", 1, 65_000)],
  ["EXECUTION_TTL", "0s", `"0s" ${DURATION} 1s to 365d`],
  ["IDEMPOTENCY_TTL", "31d", `"31d" ${DURATION} 1s to 30d`],
  ["EXECUTIONS_MAX", "0", whole("0", 1, 100_000_000)],
  ["EXECUTIONS_MAX_BYTES", "0", whole("0", 1, 1_000_000_000_000)],
  ["MAX_OUTPUT_BYTES", "1", whole("1", 1024, 16_777_216)],
  ["TASKS_MAX", "0", whole("0", 1, 100_000_000)],
  ["EVENT_TYPES", ",", `"," ${TYPES}`],
  ["EVENT_TYPES", "file.created,bad type", `"bad type" ${TYPES}`],
  [
    "EGRESS_ALLOW",
    "10.0.0.0/33",
    `"10.0.0.0/33" is not an address range such as 10.0.0.0/8 or ::1/128`,
  ],
  [
    "EGRESS_ALLOW",
    "localhost",
    `"localhost" is not an address range such as 10.0.0.0/8 or ::1/128`,
  ],
  ["EGRESS_PORTS", ",", "names no port"],
  ["EGRESS_PORTS", "443,0", `"0" ${PORTS}`],
  ["EGRESS_PORTS", "65536", `"65536" ${PORTS}`],
  ["EGRESS_PORTS", "20-10", `"20-10" ${PORTS}`],
  ["DNS_SERVERS", "localhost", `"localhost" ${NAME_SERVER}`],
  ["DNS_SERVERS", "10.0.0.2:0", `"10.0.0.2:0" ${NAME_SERVER}`],
  ["DNS_SERVERS", "[10.0.0.2]:53", `"[10.0.0.2]:53" ${NAME_SERVER}`],
  ["URL", "127.0.0.1:8585", API],
  ["PUBLIC_URL", "127.0.0.1:8585", API],
  ["URL", "http://user:pass@127.0.0.1:8585", API],
  ["URL", "http://127.0.0.1:8585/?token=pass", API],
  ["EGRESS_PROXY", "proxy.internal:3128", PROXY],
  ["EGRESS_PROXY", "http://proxy.internal:3128/path", PROXY],
  ["EGRESS_CA", "/nowhere/ca.pem", `"/nowhere/ca.pem" cannot be read (ENOENT); ${PEM}`],
  ["EGRESS_CA", "/", `"/" cannot be read (EISDIR); ${PEM}`],
  ["SECRET_KEY", "short", KEY_1],
  ["SECRET_KEY", `${"A".repeat(43)}=,AAAA`, KEY_2],
  ["METRICS", "yes", `"yes" is not one of token, open, off`],
  ["METRICS_TOKEN", "x".repeat(15), "must be at least 16 characters long"],
  ["METRICS_TOKEN", `${"x".repeat(16)} y`, "must be printable ASCII without spaces"],
  ["DASHBOARD", "yes", `"yes" is not one of true, false`],
  ["PORTAL_ORIGINS", "*", `"*" is not an origin such as https://app.example.com`],
  ["PORTAL_ACCENT", "red", `"red" is not a colour such as #3538cd`],
  ["PORTAL_ACCENT", "#fff", `"#fff" is not a colour such as #3538cd`],
  [
    "PORTAL_RETURN_URL",
    "javascript:alert(1)",
    `"javascript:alert(1)" is not an http:// or https:// URL`,
  ],
  ["PORTAL_NAME", "n".repeat(61), `"${"n".repeat(61)}" is longer than 60 characters`],
  ["CORS_ORIGINS", "*", `"*" is not an origin such as https://app.example.com`],
  [
    "CORS_ORIGINS",
    "https://app.example.com/",
    `"https://app.example.com/" is not an origin such as https://app.example.com`,
  ],
  ["EGRESS_HTTP", "yes", `"yes" is not one of true, false`],
  ["EGRESS_HTTP", "TRUE", `"TRUE" is not one of true, false`],
  ["ALERT_URL", "ftp://host", "is not an http:// or https:// URL"],
  ["ALERT_SECRET", "whsec_%", "must be well-formed, padded base64 after whsec_"],
  ["ALERT_AGE", "0s", `"0s" ${DURATION} 1s to 30d`],
  ["SHUTDOWN_GRACE", "61m", `"61m" ${DURATION} 0s to 1h`],
  ["LOG_LEVEL", "verbose", `"verbose" is not one of debug, info, warn, error, silent`],
];

test.each(BAD)(
  "%s=%s is refused with what was found and what is accepted",
  (name, value, problem) => {
    const environment = { FLUXHOOK_ALERT_SECRET: "x".repeat(32), [`FLUXHOOK_${name}`]: value };
    expect(problemsOf(environment)).toEqual([`FLUXHOOK_${name} ${problem}`]);
  },
);

test("every setting has a bad value above, except the one that takes any text", () => {
  const covered = new Set<string>(BAD.map(([name]) => name));
  expect(Object.keys(SETTINGS).filter((name) => !covered.has(name))).toEqual(["HOST"]);
});

test.each<[SettingName, string, unknown]>([
  ["VALKEY_URL", "valkeys://user:pass@host:6380/2", "valkeys://user:pass@host:6380/2"],
  ["VALKEY_URL", "/run/valkey.sock", "/run/valkey.sock"],
  ["QUEUE", " {orders}:events , b ", ["{orders}:events", "b"]],
  ["QUEUE", "a{b}c", ["a{b}c"]],
  ["PORT", "0", 0],
  ["CONCURRENCY", "65000", 65_000],
  ["RETRY_SCHEDULE", "0s, 250ms,7d", [0, 250, 604_800_000]],
  ["EVENT_TYPES", "catalogue", "catalogue"],
  ["EVENT_TYPES", "file.created, b", new Set(["file.created", "b"])],
  ["EGRESS_ALLOW", "10.0.0.0/8,::1", ["10.0.0.0/8", "::1"]],
  [
    "EGRESS_PORTS",
    "443, 1024-65535",
    [
      { from: 443, to: 443 },
      { from: 1_024, to: 65_535 },
    ],
  ],
  ["EGRESS_HTTP", "true", true],
  ["DNS_SERVERS", "10.0.0.2, [fd00::2]:53,::1", ["10.0.0.2", "[fd00::2]:53", "::1"]],
  ["URL", "https://hooks.example.com/fluxhook", "https://hooks.example.com/fluxhook"],
  ["EGRESS_PROXY", "http://u:p@proxy.internal:3128", "http://u:p@proxy.internal:3128"],
  ["SECRET_KEY", `${"A".repeat(43)}=`, [`${"A".repeat(43)}=`]],
  ["METRICS", "open", "open"],
  ["METRICS_TOKEN", "x".repeat(16), "x".repeat(16)],
  ["DASHBOARD", "false", false],
  [
    "PORTAL_ORIGINS",
    "https://a.example, https://b.example",
    ["https://a.example", "https://b.example"],
  ],
  ["PORTAL_ACCENT", "#3538CD", "#3538CD"],
  ["PORTAL_RETURN_URL", "https://app.example.com/hooks", "https://app.example.com/hooks"],
  ["PORTAL_NAME", " My hooks ", "My hooks"],
  ["CORS_ORIGINS", "https://App.example.com", ["https://app.example.com"]],
  ["SHUTDOWN_GRACE", "0s", 0],
])("%s=%s is accepted", (name, text, value) => {
  expect(readSettings({ [`FLUXHOOK_${name}`]: text })[name]).toEqual(value as never);
});

describe("the defaults", () => {
  test("the defaults are those of docs/design.md", () => {
    expect(readSettings({})).toMatchObject({
      VALKEY_URL: "redis://127.0.0.1:6379",
      PREFIX: "fluxhook",
      QUEUE: ["fluxhook:events"],
      CLAIM: "safe",
      HOST: "127.0.0.1",
      PORT: 8_585,
      CONCURRENCY: 1_024,
      WEBHOOK_CONCURRENCY: 64,
      RETRY_SCHEDULE: [0, 60_000, 300_000, 1_800_000, 7_200_000],
      LOG_SIZE: 10,
      LOG_TTL: 604_800_000,
      LOG_DETAIL: 1_024,
      FAILURES_SIZE: 10,
      PARKED_TTL: 604_800_000,
      MAX_EVENT_BYTES: 262_144,
      EVENT_TYPES: "open",
      EGRESS_ALLOW: [],
      EGRESS_HTTP: false,
      SHUTDOWN_GRACE: 30_000,
      LOG_LEVEL: "info",
    });
  });

  test("an empty variable means the default", () => {
    expect(readSettings({ FLUXHOOK_PORT: "", FLUXHOOK_QUEUE: "" })).toEqual(readSettings({}));
  });

  test("the default list follows the prefix", () => {
    expect(readSettings({ FLUXHOOK_PREFIX: "p" }).QUEUE).toEqual(["p:events"]);
    expect(readSettings({ FLUXHOOK_PREFIX: "p", FLUXHOOK_QUEUE: "q" }).QUEUE).toEqual(["q"]);
  });
});

test("all problems are in one message", () => {
  const environment = {
    FLUXHOOK_PORT: "x",
    FLUXHOOK_RETRY_SCHEDULE: "1,2",
    FLUXHOOK_LOG_LEVL: "info",
    FLUXHOOK_ALERT_URL: "https://example.com/",
  };
  const problems = problemsOf(environment, ["API_TOKEN"]);
  expect(problems).toEqual([
    `FLUXHOOK_PORT ${whole("x", 0, 65_535)}`,
    `FLUXHOOK_API_TOKEN is required: ${SETTINGS.API_TOKEN.description}`,
    `FLUXHOOK_RETRY_SCHEDULE "1" ${DURATION} 0s to 7d`,
    `FLUXHOOK_RETRY_SCHEDULE "2" ${DURATION} 0s to 7d`,
    "FLUXHOOK_LOG_LEVL is not a setting of Fluxhook; see fluxhook --help",
    "FLUXHOOK_ALERT_SECRET is required if FLUXHOOK_ALERT_URL is set",
  ]);
  expect(() => readSettings(environment, ["API_TOKEN"])).toThrow(
    `some settings are wrong:\n${problems.map((line) => `  ${line}`).join("\n")}`,
  );
});

test.each([
  ["FLUXHOOK_TOKEN", "; see fluxhook --help"],
  ["FLUXHOOK_constructor", "; see fluxhook --help"],
  ["FLUXHOOK_APITOKEN", "; did you mean FLUXHOOK_API_TOKEN?"],
  ["FLUXHOOK_api_token", "; did you mean FLUXHOOK_API_TOKEN?"],
  ["FLUXHOOK_RETRY", "; did you mean FLUXHOOK_RETRY_SCHEDULE?"],
])("%s is reported as a typing error", (name, hint) => {
  expect(problemsOf({ [name]: "1" })).toEqual([`${name} is not a setting of Fluxhook${hint}`]);
});

test("variables that Kubernetes sets for a service called fluxhook are ignored", () => {
  const settings = readSettings({
    FLUXHOOK_SERVICE_HOST: "10.0.0.1",
    FLUXHOOK_SERVICE_PORT: "8585",
    FLUXHOOK_PORT: "tcp://10.0.0.1:8585",
    FLUXHOOK_PORT_8585_TCP_ADDR: "10.0.0.1",
    FLUXHOOK_NAME: "/app/fluxhook",
    OTHER: "1",
  });
  expect(settings.PORT).toBe(8_585);
});

test("no message repeats a password, a token or a secret", () => {
  const problems = problemsOf({
    FLUXHOOK_VALKEY_URL: "redi://user:hunter2@host",
    FLUXHOOK_API_TOKEN: "hunter2",
    FLUXHOOK_APITOKEN: "hunter2",
    FLUXHOOK_ALERT_SECRET: "whsec_hunter2",
    FLUXHOOK_ALERT_URL: "htps://user:hunter2@host",
  });
  expect(problems).toHaveLength(5);
  expect(problems.join("\n")).not.toContain("hunter2");
});
