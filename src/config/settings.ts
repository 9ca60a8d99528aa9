// Every setting of Fluxhook, in one schema. `fluxhook --help` and the README's table are generated from it.
import { z } from "zod";
import { certificateFile } from "./certificate-file.ts";
import {
  apiTokens,
  apiUrl,
  choice,
  cidrs,
  dnsServers,
  duration,
  eventTypes,
  integer,
  key,
  lists,
  origins,
  portRanges,
  proxyUrl,
  retrySchedule,
  secretKeys,
  quoted,
  toggle,
  valkeyUrl,
} from "./forms.ts";
import { catalogueFile } from "./event-catalogue.ts";
import { readSettingFile } from "./files.ts";
import { DASHBOARD_SETTINGS } from "./dashboard-settings.ts";
import { EXECUTION_SETTINGS } from "./execution-settings.ts";
import { INBOUND_SETTINGS } from "./inbound-settings.ts";
import { REPORT_SETTINGS } from "./report-settings.ts";
import { METRICS_SETTINGS } from "./metrics-settings.ts";
import { secret, setting, type Setting } from "./setting.ts";

export type { PortRange } from "./forms.ts";

const DAY_MS = 86_400_000;

/** The settings, in the order of the README and `--help`. Each is the variable `FLUXHOOK_<name>`. */
export const SETTINGS = {
  VALKEY_URL: secret(
    valkeyUrl,
    "redis://127.0.0.1:6379",
    "Valkey's address: `valkey://`, `redis://`, `rediss://` (TLS) or a unix socket's path",
  ),
  PREFIX: setting(
    z.string().regex(key, {
      error: (issue) =>
        `${quoted(issue.input)} is not a prefix; accepted are printable ASCII characters except spaces and braces`,
    }),
    "fluxhook",
    "the first part of every key of Fluxhook's own",
  ),
  QUEUE: setting(
    lists,
    "<prefix>:events",
    "the lists to take events from, comma-separated, in this order",
  ),
  CLAIM: setting(
    choice(["safe", "blpop"]),
    "safe",
    "`safe`: nothing is lost in a crash; `blpop`: plain BLPOP, at most once",
  ),
  HOST: setting(z.string().min(1), "127.0.0.1", "the address the API listens on"),
  PORT: setting(integer(0, 65_535), "8585", "the port the API listens on; 0 picks a free one"),
  URL: setting(
    apiUrl,
    "http://127.0.0.1:8585",
    "where the commands find the API, such as `https://hooks.example.com`; `serve` does not use it",
  ),
  PUBLIC_URL: setting(
    apiUrl.optional(),
    null,
    "the address of this service from outside, such as `https://hooks.example.com`; the URLs of `fluxhook listen` begin with it",
  ),
  API_TOKEN: secret(
    apiTokens.optional(),
    null,
    "the bearer token of the API; required by `serve`; to change it without cutting anybody off `new,old`: both are accepted, the first one signs tokens",
  ),
  SECRET_KEY: secret(
    secretKeys,
    "",
    "encrypts webhook secrets in Valkey (AES-256-GCM): base64 of 32 bytes; during a rotation several, comma-separated: the first one encrypts, all decrypt",
  ),
  CORS_ORIGINS: setting(
    origins,
    "",
    "web origins whose pages may call the API from a browser, comma-separated: `https://app.example.com`",
  ),
  ...DASHBOARD_SETTINGS,
  ...METRICS_SETTINGS,
  CONCURRENCY: setting(
    integer(1, 65_000),
    "1024",
    "at most this many deliveries are claimed and not yet settled, per process",
  ),
  WEBHOOK_CONCURRENCY: setting(
    integer(1, 10_000),
    "64",
    "at most this many requests are in flight to one webhook",
  ),
  RETRY_SCHEDULE: setting(
    retrySchedule,
    "0s,1m,5m,30m,2h",
    "delay before each attempt of a delivery, counted from the end of the attempt before",
  ),
  LOG_SIZE: setting(integer(1, 1000), "10", "attempts kept in the log of each owner"),
  LOG_TTL: setting(duration({ minMs: 1000, maxMs: 365 * DAY_MS }), "7d", "how long a log is kept"),
  LOG_DETAIL: setting(
    integer(0, 16_384),
    "1024",
    "what was sent and answered is kept with each attempt of the log, with this many bytes of the response's body; 0 keeps none of it",
  ),
  FAILURES_SIZE: setting(
    integer(0, 100),
    "10",
    "failed attempts kept of each webhook besides the log, at most 256 KiB per owner; 0 keeps none",
  ),
  PARKED_TTL: setting(
    duration({ minMs: 1000, maxMs: 365 * DAY_MS }),
    "7d",
    "how long a parked delivery is kept and can be redelivered",
  ),
  PARKED_MAX: setting(
    integer(1, 100_000_000),
    "100000",
    "parked deliveries kept per list; beyond that the oldest are dropped",
  ),
  PARKED_MAX_BYTES: setting(
    integer(1, 1_000_000_000_000),
    "268435456",
    "bytes of parked deliveries kept per list; beyond that the oldest are dropped",
  ),
  REJECTED_TTL: setting(
    duration({ minMs: 1000, maxMs: 365 * DAY_MS }),
    "30d",
    "how long rejected elements are kept after the last rejection",
  ),
  REJECTED_MAX: setting(
    integer(1, 10_000_000),
    "10000",
    "rejected elements kept; beyond that the oldest are dropped",
  ),
  MAX_EVENT_BYTES: setting(
    integer(1024, 16_777_216),
    "262144",
    "the maximum size of an element in bytes; reading one blocks the process for up to 50 ms per MiB",
  ),
  ...INBOUND_SETTINGS,
  ...EXECUTION_SETTINGS,
  EVENT_TYPES: setting(
    eventTypes,
    "open",
    "accepted event types: `open` (any), `catalogue`, or their names, comma-separated",
  ),
  EVENT_CATALOGUE: setting(
    catalogueFile.optional(),
    null,
    'a JSON file of your event types, `[{"name", "description", "group", "sample"}]`, that the API, the portal and the commands offer; `FLUXHOOK_EVENT_TYPES=catalogue` accepts these alone',
  ),
  EGRESS_ALLOW: setting(
    cidrs,
    "",
    "address ranges exempt from the guard, on any port and over plain http; `127.0.0.0/8` allows local receivers",
  ),
  EGRESS_PORTS: setting(
    portRanges,
    "80,443,1024-65535",
    "ports that are allowed at all other addresses",
  ),
  EGRESS_HTTP: setting(toggle, "false", "`true` allows plain http to public addresses"),
  EGRESS_PROXY: secret(
    proxyUrl.optional(),
    null,
    "an HTTP proxy for all requests, by CONNECT to the address that the guard approved: `http://user:password@host:port`",
  ),
  EGRESS_CA: setting(
    certificateFile.optional(),
    null,
    "a PEM file of certificate authorities that are trusted for receivers, in addition to the system's",
  ),
  DNS_SERVERS: setting(
    dnsServers,
    "",
    "name servers to ask instead of the system's, comma-separated: `10.0.0.2`, `10.0.0.2:5353`, `[fd00::2]:53`",
  ),
  SHUTDOWN_GRACE: setting(
    duration({ minMs: 0, maxMs: 3_600_000 }),
    "30s",
    "on SIGTERM, attempts that are still running after this time are returned and may be sent again",
  ),
  ...REPORT_SETTINGS,
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Settings = { [Name in SettingName]: z.output<(typeof SETTINGS)[Name]["schema"]> };

/** Reports wrong settings; `message` lists every problem. Thrown before anything connects. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `${problems.length === 1 ? "a setting is" : "some settings are"} wrong:\n${problems.map((line) => `  ${line}`).join("\n")}`,
    );
    this.name = "SettingsError";
  }
}

/**
 * Reads the settings from an environment.
 * @throws SettingsError with all problems, including unknown FLUXHOOK_ names (typing errors).
 */
export function readSettings(
  environment: Record<string, string | undefined>,
  required: readonly SettingName[] = [],
): Settings {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const { schema, fallback } = SETTINGS[name];
    const given = readText(name, environment);
    if ("problem" in given) {
      problems.push(given.problem);
      continue;
    }
    const text = given.text ?? fallback;
    const parsed = (schema as z.ZodType).safeParse(text ?? undefined);
    if (parsed.success) values[name] = parsed.data;
    else for (const issue of parsed.error.issues) problems.push(`${given.from} ${issue.message}`);
    if (text === null && required.includes(name)) {
      problems.push(`FLUXHOOK_${name} is required: ${SETTINGS[name].description}`);
    }
  }
  for (const name of Object.keys(environment)) {
    if (!name.startsWith("FLUXHOOK_") || KNOWN.has(name)) continue;
    if (environment[name] === undefined || IGNORED.test(name)) continue;
    problems.push(`${name} is not a setting of Fluxhook${didYouMean(name.slice(9))}`);
  }
  if (values.ALERT_URL !== undefined && !isGiven("ALERT_SECRET", environment)) {
    problems.push("FLUXHOOK_ALERT_SECRET is required if FLUXHOOK_ALERT_URL is set");
  }
  if (problems.length > 0) throw new SettingsError(problems);
  const settings = values as Settings;
  if (environment.FLUXHOOK_QUEUE === undefined || environment.FLUXHOOK_QUEUE === "") {
    settings.QUEUE = [`${settings.PREFIX}:events`];
  }
  if (settings.ATTEMPTS_STREAM !== undefined && settings.QUEUE.includes(settings.ATTEMPTS_STREAM)) {
    const message = "is one of FLUXHOOK_QUEUE; accepted is a key of its own";
    throw new SettingsError([`FLUXHOOK_ATTEMPTS_STREAM ${message}`]);
  }
  return settings;
}

const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** All variables that set a setting. */
const KNOWN: ReadonlySet<string> = new Set(SETTING_NAMES.flatMap(variablesOf));

/** Returns the variables of a setting: `FLUXHOOK_<name>`, and for a secret `FLUXHOOK_<name>_FILE`. */
export function variablesOf(name: SettingName): string[] {
  const { isSecret }: Setting = SETTINGS[name];
  const variable = `FLUXHOOK_${name}`;
  return isSecret ? [variable, `${variable}_FILE`] : [variable];
}

/** Returns whether the environment sets a setting, directly or by a file. */
export function isGiven(
  name: SettingName,
  environment: Record<string, string | undefined>,
): boolean {
  return variablesOf(name).some((variable) => Boolean(environment[variable]));
}

/** Returns the text of a setting and the variable it comes from; the text is null if none is set. */
function readText(
  name: SettingName,
  environment: Record<string, string | undefined>,
): { text: string | null; from: string } | { problem: string } {
  const [variable = "", fileVariable = ""] = variablesOf(name);
  const set = environment[variable];
  const text = !set || (name === "PORT" && set.startsWith("tcp://")) ? null : set;
  const path = environment[fileVariable];
  if (!path) return { text, from: variable };
  if (text !== null) {
    return { problem: `${variable} and ${fileVariable} are both set; set one of them` };
  }
  const read = readSettingFile(fileVariable, path);
  return read.ok ? { text: read.text, from: fileVariable } : { problem: read.problem };
}

/** Kubernetes sets these, and `FLUXHOOK_PORT=tcp://…`, for a service called `fluxhook`. */
const IGNORED = /^FLUXHOOK_(SERVICE_|PORT_\d|NAME$|TEST_)/;

function didYouMean(name: string): string {
  const [, unread = ""] = /^(.+)_FILE$/.exec(name) ?? [];
  if (Object.hasOwn(SETTINGS, unread)) {
    return `; only secrets are read from files, so set FLUXHOOK_${unread} itself`;
  }
  const near = Object.keys(SETTINGS).find(
    (known) =>
      known.replaceAll("_", "") === name.replaceAll("_", "").toUpperCase() ||
      known.startsWith(name),
  );
  return near ? `; did you mean FLUXHOOK_${near}?` : "; see fluxhook --help";
}

/** Returns the settings as rows for `--help` and the README. */
export function settingRows(): { name: string; fallback: string; description: string }[] {
  return SETTING_NAMES.map((name) => {
    const { fallback, description } = SETTINGS[name];
    const [variable = "", fileVariable] = variablesOf(name);
    const file =
      fileVariable === undefined ? "" : `; or \`${fileVariable}\`: a file that contains it`;
    return { name: variable, fallback: fallback ?? "", description: description + file };
  });
}
