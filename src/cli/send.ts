// `fluxhook send`: pushes events directly onto the list, as a producer does, or with POST /v1/events. It
// checks them first by the worker's rules, so that no invalid event reaches the list.
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { readSettings, type Settings } from "../config/settings.ts";
import { sampleOf } from "../wire/event-catalogue.ts";
import { EVENT_TYPE_ACCEPTED, isEventType } from "../wire/event-pattern.ts";
import { elementText, isEventId, readElement, type Event } from "../wire/event.ts";
import { EVENTS_PER_REQUEST } from "../wire/event-batch.ts";
import { isJsonObject } from "../wire/json-object.ts";
import { isTimestamp, TIMESTAMP_ACCEPTED } from "../wire/timestamp.ts";
import { acceptedEventTypes } from "../wire/dialects/registry.ts";
import { ApiClient, queryOf, type Answer } from "./terminal/api-client.ts";
import { readInput } from "./terminal/input.ts";
import { print } from "./terminal/output.ts";
import {
  addOwnerOptions,
  type Exit,
  validated,
  type OwnerOptions,
  wholeNumber,
  withExamples,
} from "./terminal/usage.ts";

interface SendOptions extends OwnerOptions {
  data?: string;
  sample?: boolean;
  id?: string;
  timestamp?: string;
  queue?: string;
  count: number;
  api?: boolean;
  json?: boolean;
}

const MAX_EVENTS = 100_000;
/** Limit for one push: the API accepts 8 MiB, and a larger push would block Valkey. */
const BATCH_BYTES = 4 * 1024 * 1024;
const TRIES = 3;
const PAUSE_MS = 1_000;

export function addSend(program: Command, exit: Exit): void {
  const command = program
    .command("send")
    .description("push an event onto the list, as a producer does")
    .argument("<event>", "the event type, such as file.created");
  addOwnerOptions(command, {
    user: "the user whose webhooks get it; or use --org, or both",
    org: "the organisation whose webhooks get it",
  });
  command
    .option(
      "--data <json>",
      "its data, a JSON object that is sent unchanged [{}]; @file reads a file, - standard input",
    )
    .option("--sample", "its data is the sample of FLUXHOOK_EVENT_CATALOGUE, or of its dialect")
    .option(
      "--id <id>",
      "its id, by which receivers detect duplicates; default: a new one",
      validated(isEventId, "1 to 128 characters of A-Z a-z 0-9 _ -"),
    )
    .option(
      "--timestamp <time>",
      "when it happened; default: now",
      validated(isTimestamp, TIMESTAMP_ACCEPTED),
    )
    .option("--queue <list>", "the list; default: the first of FLUXHOOK_QUEUE")
    .option(
      "--count <n>",
      "push this many copies, each with its own id",
      wholeNumber(1, MAX_EVENTS),
      1,
    )
    .option(
      "--api",
      "send it with POST /v1/events and an Idempotency-Key, not directly onto the list",
    )
    .option("--json", "print the JSON of POST /v1/events")
    .action(async (type: string, options: SendOptions) => {
      exit(await send(type, options, command));
    });
  withExamples(
    command,
    "fluxhook send file.created --user u_1",
    `fluxhook send file.created --user u_1 --data '{"file_id":"f_1"}'`,
    "fluxhook send file.created --user u_1 --sample",
    "fluxhook send org.updated --org o_1 --data @data.json --api",
  );
}

async function send(type: string, options: SendOptions, command: Command): Promise<number> {
  const { queue, count, api, id } = options;
  if (api && queue !== undefined) {
    return command.error(
      "error: --queue cannot be used with --api, which pushes onto the service's list",
    );
  }
  if (count > 1 && id !== undefined) {
    return command.error("error: --id is for one event; with --count each event has its own id");
  }
  // The setting's schema checks the name.
  const environment = { ...process.env, ...(queue === undefined ? {} : { FLUXHOOK_QUEUE: queue }) };
  const settings = readSettings(environment, api ? ["API_TOKEN"] : []);
  const data = await dataOf(type, options, settings, command);
  const event: Event = {
    userId: options.user,
    orgId: options.org,
    type,
    timestamp: options.timestamp ?? new Date().toISOString(),
    data,
  };
  checkEvent({ ...event, id: id ?? newId() }, settings, command);

  const ids = Array.from({ length: count }, () => id ?? newId());
  const elements = (batch: readonly string[]) =>
    batch.map((one) => elementText({ ...event, id: one }));
  const size = Buffer.byteLength(elements(ids.slice(0, 1))[0] ?? "");
  const atOnce = Math.max(1, Math.min(EVENTS_PER_REQUEST, Math.floor(BATCH_BYTES / size)));
  const pushed: string[] = [];
  const push = api ? pushByApi() : await pushOntoList(settings);
  try {
    for (let at = 0; at < ids.length; at += atOnce) {
      const batch = ids.slice(at, at + atOnce);
      const problem = await push.batch(elements(batch));
      if (problem !== null) throw new Error(notAll(pushed.length, count, problem));
      pushed.push(...batch);
    }
  } finally {
    push.close();
  }
  print(options.json === true, JSON.stringify({ ids: pushed }), () => pushed.join("\n"));
  return 0;
}

function notAll(pushed: number, count: number, problem: string): string {
  return count === 1 ? problem : `${pushed} of ${count} were pushed, then: ${problem}`;
}

async function dataOf(
  type: string,
  { data, sample, api }: SendOptions,
  settings: Settings,
  command: Command,
): Promise<string> {
  if (!sample) return readData(data ?? "{}", command);
  if (data !== undefined) return command.error("error: give --data or --sample, not both");
  if (!isEventType(type)) return command.error(`error: <event> must be ${EVENT_TYPE_ACCEPTED}`);
  if (api) {
    // The service may have a catalogue that this environment does not name.
    const found = await ApiClient.ofEnvironment().call<{ data: string }>(
      "GET",
      `/v1/sample${queryOf({ event: type })}`,
    );
    return found.data;
  }
  return (
    sampleOf(settings.EVENT_CATALOGUE ?? [], type) ??
    command.error(`error: --sample: no sample of this event type is known; use --data`)
  );
}

async function readData(given: string, command: Command): Promise<string> {
  const isFile = given === "-" || given.startsWith("@");
  const text = isFile
    ? new TextDecoder().decode(await readInput(given.replace(/^@/, ""), "--data", command)).trim()
    : given;
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return text;
  } catch {
    // Reported below: invalid JSON is not an object either.
  }
  return command.error(
    `error: --data must be a JSON object, such as '{"file_id":"f_1"}', @file or - for standard input`,
  );
}

/** Checks the bytes to push with the worker's own reader. */
function checkEvent(event: Event & { id: string }, settings: Settings, command: Command): void {
  const reading = readElement(Buffer.from(elementText(event)), {
    maxEventBytes: settings.MAX_EVENT_BYTES,
    eventTypes: acceptedEventTypes(settings.EVENT_TYPES, settings.EVENT_CATALOGUE),
  });
  if (reading.ok) return;
  const { reason, message } = reading.rejection;
  command.error(
    reason === "no-owner"
      ? "error: the owner is missing: give --user <id>, --org <id> or both"
      : `error: ${message}`,
  );
}

interface Push {
  /** Returns null if the push succeeded, otherwise the message to print. */
  batch(elements: readonly string[]): Promise<string | null>;
  close(): void;
}

function pushByApi(): Push {
  const api = ApiClient.ofEnvironment();
  return {
    async batch(elements) {
      const body = elements.length === 1 ? (elements[0] ?? "") : `[${elements.join(",")}]`;
      const idempotencyKey = randomUUID();
      for (let tries = 1; ; tries += 1) {
        const answer = await api.ask("POST", "/v1/events", { body, idempotencyKey });
        if (answer.kind === "answered") return null;
        // The same key pushes nothing twice, whether or not the first request was applied.
        if (tries >= TRIES || !isUncertain(answer)) return answer.message;
        await Bun.sleep(PAUSE_MS);
      }
    },
    close: () => {},
  };
}

function isUncertain(answer: Answer): boolean {
  return (
    answer.kind === "unreachable" ||
    (answer.kind === "refused" && [502, 503, 504].includes(answer.status))
  );
}

async function pushOntoList(settings: Settings): Promise<Push> {
  // Imported here, so that other commands start without a Valkey client.
  const { connectValkey } = await import("./doctor/valkey-state.ts");
  const { shownAddress } = await import("../valkey/connection/address.ts");
  const { VALKEY_URL } = settings;
  const valkey = await connectValkey(VALKEY_URL);
  if (!valkey.isUp) {
    valkey.close();
    throw new Error(
      `no Valkey answers at ${shownAddress(VALKEY_URL)} (${valkey.why}); set FLUXHOOK_VALKEY_URL, or use --api`,
    );
  }
  return {
    async batch(elements) {
      const queue = settings.QUEUE[0] ?? "";
      // One command for all: either all of them are on the list or none.
      await valkey.link.run((client) => client.lpush(queue, ...elements));
      return null;
    },
    close: () => valkey.close(),
  };
}

function newId(): string {
  return `evt_${randomUUID().replaceAll("-", "")}`;
}
