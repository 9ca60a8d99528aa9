// `fluxhook sign`: prints the headers that Fluxhook would send, to test a receiver. No network.
import { Option, type Command } from "commander";
import { isEventId } from "../../wire/event.ts";
import { EVENT_TYPE_ACCEPTED, isEventType } from "../../wire/event-pattern.ts";
import { DIALECT_NAMES, dialectOf, type DialectName } from "../../wire/dialects/registry.ts";
import { Signer, signRequest } from "../../wire/signature.ts";
import {
  addSecretOptions,
  readInput,
  requireSecret,
  type SecretOptions,
} from "../terminal/input.ts";
import { print } from "../terminal/output.ts";
import { validated, withExamples, type Exit } from "../terminal/usage.ts";

interface SignOptions extends SecretOptions {
  body: string;
  dialect: DialectName;
  id?: string;
  event?: string;
  timestamp?: string;
  json?: boolean;
}

const UNIX_SECONDS = /^\d{1,12}$/;
const DEFAULT_EVENT_TYPE = "webhook.test";

export function addSign(program: Command, exit: Exit): void {
  const command = program
    .command("sign")
    .description("sign a body and print the headers that Fluxhook sends with it")
    .option("--body <file>", "the raw body; - is standard input", "-")
    .addOption(
      new Option("--dialect <name>", "the wire format").choices(DIALECT_NAMES).default("fluxdrop"),
    )
    .option(
      "--id <id>",
      "the event's id; default: the id in the body, or a new one",
      validated(isEventId, "1 to 128 characters of A-Z a-z 0-9 _ -"),
    )
    .option(
      "--event <type>",
      `the event type; default: the type in the body, or ${DEFAULT_EVENT_TYPE}`,
      validated(isEventType, EVENT_TYPE_ACCEPTED),
    )
    .option(
      "--timestamp <seconds>",
      "the time of the request in Unix seconds; default: now",
      validated((text) => UNIX_SECONDS.test(text), "Unix seconds, such as 1769860801"),
    )
    .option("--json", "print JSON: an object of names and values");
  addSecretOptions(command).action(async (options: SignOptions) => {
    exit(await sign(options, command));
  });
  withExamples(
    command,
    "fluxhook sign --secret-env WEBHOOK_SECRET < body.json",
    "fluxhook sign --secret-file secret.txt --body body.json | curl -H @- --data-binary @body.json http://127.0.0.1:3000/",
  );
}

async function sign(options: SignOptions, command: Command): Promise<number> {
  if (options.secretStdin && options.body === "-") {
    return command.error(
      "error: standard input has the secret, so give the body as a file: --body <file>",
    );
  }
  const secret = await requireSecret(options, command);
  const bodyBytes = await readInput(options.body, "--body", command);
  const body = new TextDecoder().decode(bodyBytes);
  const own = ownFields(body);
  const headers = await signRequest({
    dialect: dialectOf(options.dialect),
    secrets: [new Signer(secret)],
    eventId: options.id ?? own.id ?? `evt_${crypto.randomUUID().replaceAll("-", "")}`,
    eventType: options.event ?? own.type ?? DEFAULT_EVENT_TYPE,
    deliveryId: crypto.randomUUID(),
    unixSeconds: Number(options.timestamp ?? Math.floor(Date.now() / 1_000)),
    body,
    bodyBytes,
  });
  print(options.json === true, JSON.stringify(headers), () =>
    Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  );
  return 0;
}

/** Reads the event's id and type from an envelope of any dialect. */
function ownFields(body: string): { id?: string; type?: string } {
  let envelope: { id?: unknown; event?: unknown; type?: unknown } | null;
  try {
    envelope = JSON.parse(body) as typeof envelope;
  } catch {
    // Any other body can be signed too.
    return {};
  }
  const id = envelope?.id;
  const type = envelope?.event ?? envelope?.type;
  return {
    id: typeof id === "string" && isEventId(id) ? id : undefined,
    type: typeof type === "string" && isEventType(type) ? type : undefined,
  };
}
