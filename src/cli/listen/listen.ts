// `fluxhook listen`: a public URL and a temporary webhook that lead to a server on this machine.
import { Option, type Command } from "commander";
import { DIALECT_NAMES, type DialectName } from "../../wire/dialects/registry.ts";
import { EVENT_PATTERN_ACCEPTED, isEventPattern } from "../../wire/event-pattern.ts";
import { ApiClient } from "../terminal/api-client.ts";
import { ListenClient } from "./client.ts";
import { forward } from "./forward.ts";
import { FORWARD_TO_ACCEPTED, readForwardTo } from "./forward-to.ts";
import { hasKeys, watchKeys } from "./keys.ts";
import { Screen } from "./screen.ts";
import { untilSignal } from "../terminal/signals.ts";
import {
  addOwnerOptions,
  commaSeparated,
  type Exit,
  validated,
  ownerFields,
  type OwnerOptions,
  withExamples,
} from "../terminal/usage.ts";

interface ListenOptions extends OwnerOptions {
  forwardTo: string;
  events?: string[];
  dialect?: DialectName;
  printSecret?: boolean;
  json?: boolean;
}

const END_WITHIN_MS = 4_000;

export function addListen(program: Command, exit: Exit): void {
  const command = program
    .command("listen")
    .description("forward requests to a public URL, and deliveries, to a server on this machine")
    .requiredOption(
      "--forward-to <address>",
      "the local server: a port, host:port/path or a URL",
      validated((text) => readForwardTo(text) !== null, FORWARD_TO_ACCEPTED),
    );
  addOwnerOptions(command, {
    user: "also forward deliveries for this user; a scoped token implies it",
    org: "also forward deliveries for this organisation",
  })
    .option(
      "--events <patterns>",
      "only these event types, comma-separated: file.*,share.linked",
      events,
    )
    .addOption(
      new Option("--dialect <name>", "the wire format of the deliveries").choices(DIALECT_NAMES),
    )
    .option("--print-secret", "print the secret that signs the deliveries")
    .option("--json", "print one JSON object for each request and for each change")
    .addHelpText("after", KEYS)
    .action(async (options: ListenOptions) => {
      exit(await listen(options, command));
    });
  withExamples(
    command,
    "fluxhook listen --forward-to localhost:3000/webhooks/flux --user u_1",
    "fluxhook listen --forward-to 3000 --user u_1 --events 'file.*' --print-secret",
  );
}

const KEYS = `
FLUXHOOK_URL and FLUXHOOK_API_TOKEN say where the service is. On a terminal, r sends the last request
to the local server again; Ctrl-C ends the session, its URL and its webhook.`;

function events(text: string, before: readonly string[] | undefined): string[] {
  return commaSeparated(text, before).map(validated(isEventPattern, EVENT_PATTERN_ACCEPTED));
}

async function listen(options: ListenOptions, command: Command): Promise<number> {
  const forwardTo = readForwardTo(options.forwardTo);
  if (forwardTo === null) throw new Error("--forward-to was validated when it was read");
  if (options.user !== undefined && options.org !== undefined) {
    return command.error("error: give either --user or --org");
  }
  const screen = new Screen({
    isJson: options.json === true,
    withSecret: options.printSecret === true,
    forwardTo,
    hasKeys: hasKeys(),
  });
  const client = new ListenClient({
    api: ApiClient.ofEnvironment(),
    create: { ...ownerFields(options), events: options.events, dialect: options.dialect },
    forward: (request) => forward(request, forwardTo),
    screen,
  });
  const stopped = untilSignal();
  const giveBack = watchKeys(() => void client.resend());
  try {
    await Promise.race([client.run(), stopped]);
    if (!(await client.stop(END_WITHIN_MS))) {
      screen.note("the service could not be reached; the session ends by itself in some minutes");
    }
    return 0;
  } finally {
    screen.end();
    giveBack();
  }
}
