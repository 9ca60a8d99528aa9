// `fluxhook config`: all webhooks of an owner as one JSON document. `get` prints it with its version, which
// `apply` sends back: a change of somebody else in between is noticed and not overwritten.
import type { Command } from "commander";
import type { Config, ConfigApplied } from "../wire/config-document.ts";
import { isJsonObject } from "../wire/json-object.ts";
import { printable, printableJson } from "../wire/printable.ts";
import { ApiClient, pathSegment } from "./terminal/api-client.ts";
import { readInput } from "./terminal/input.ts";
import { print } from "./terminal/output.ts";
import {
  addOwnerOptions,
  type Exit,
  ownerFields,
  type OwnerOptions,
  withExamples,
} from "./terminal/usage.ts";

/** A hundred names may have to be resolved. */
const APPLY_TIMEOUT_MS = 60_000;

export function addConfig(program: Command, exit: Exit): void {
  const group = program
    .command("config")
    .description("all webhooks of a user or an organisation as one document");
  withExamples(group, "fluxhook config get --user u_1 > webhooks.json");
  addGet(group, exit);
  addApply(group, exit);
}

function addGet(group: Command, exit: Exit): void {
  const get = addOwnerOptions(
    group.command("get").description("print the document as JSON, without secrets"),
    { user: "of this user", org: "of this organisation" },
  )
    .option("--json", "print it on one line")
    .action(async (options: OwnerOptions & { json?: boolean }) => {
      const api = ApiClient.ofEnvironment();
      const { text, etag } = await api.versioned("GET", pathOf(options, get));
      const document = { etag, ...(JSON.parse(text) as Config) };
      print(options.json === true, JSON.stringify(document), () =>
        printableJson(JSON.stringify(document, null, 2)),
      );
      exit(0);
    });
  withExamples(
    get,
    "fluxhook config get --user u_1 > webhooks.json",
    "fluxhook config get --org o_1",
  );
}

interface ApplyOptions extends OwnerOptions {
  dryRun?: boolean;
  force?: boolean;
  json?: boolean;
}

function addApply(group: Command, exit: Exit): void {
  const apply = addOwnerOptions(
    group
      .command("apply")
      .description(
        "make the webhooks as the document says: entries with an id are changed, entries without are " +
          "created, and webhooks that are missing are deleted; all of it or nothing",
      )
      .argument("<file>", "the document, as `config get` prints it; - reads standard input"),
    { user: "of this user", org: "of this organisation" },
  )
    .option("--dry-run", "print what would change, and change nothing")
    .option("--force", "also if the webhooks have changed since the document was printed")
    .option("--json", "print the JSON of the API")
    .action(async (file: string, options: ApplyOptions, command: Command) => {
      const path = pathOf(options, command);
      const document = await readDocument(file, command);
      const api = ApiClient.ofEnvironment();
      // A document without a version was written by hand: it is applied to what is there now.
      const ifMatch = options.force
        ? "*"
        : (document.etag ?? (await api.versioned("GET", path)).etag);
      const { text } = await api.versioned(
        "PUT",
        `${path}${options.dryRun ? "?dry_run=true" : ""}`,
        {
          body: document.body,
          ifMatch,
          timeoutMs: APPLY_TIMEOUT_MS,
        },
      );
      print(options.json === true, text, () =>
        changesText(JSON.parse(text) as ConfigApplied, options.dryRun === true),
      );
      exit(0);
    });
  withExamples(
    apply,
    "fluxhook config apply webhooks.json --user u_1 --dry-run",
    "fluxhook config apply webhooks.json --user u_1",
  );
}

function pathOf(options: OwnerOptions, command: Command): string {
  const { user_id: user, org_id: org } = ownerFields(options);
  if ((user === undefined) === (org === undefined)) {
    return command.error("error: give one owner: --user <id> or --org <id>");
  }
  return user === undefined
    ? `/v1/orgs/${pathSegment(org ?? "")}/config`
    : `/v1/users/${pathSegment(user)}/config`;
}

/** Splits the version from the document that the API takes. */
async function readDocument(
  file: string,
  command: Command,
): Promise<{ etag: string | null; body: string }> {
  const text = new TextDecoder().decode(await readInput(file, "<file>", command));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return command.error(`error: ${file}: it is not JSON`);
  }
  if (!isJsonObject(value)) {
    return command.error(`error: ${file}: it is not an object such as {"webhooks":[]}`);
  }
  const { etag, ...rest } = value as { etag?: unknown };
  if (etag !== undefined && typeof etag !== "string") {
    return command.error(
      `error: ${file}: "etag" is not a text; remove it, or take it from config get`,
    );
  }
  return { etag: etag ?? null, body: JSON.stringify(rest) };
}

function changesText(applied: ConfigApplied, isDryRun: boolean): string {
  const { created, changed, deleted } = applied;
  const lines = [
    ...created.flatMap(({ id, url, secret }) => [
      `+ ${id ?? "new"}  ${url}`,
      ...(secret === undefined ? [] : [`  secret  ${secret}`]),
    ]),
    ...changed.map(({ id, url, fields }) => `~ ${id}  ${url}  (${fields.join(", ")})`),
    ...deleted.map(({ id, url }) => `- ${id}  ${url}`),
  ].map(printable);
  const would = isDryRun ? "would be " : "";
  const sum = `${would}created ${created.length}, changed ${changed.length}, deleted ${deleted.length}`;
  return [...lines, sum].join("\n");
}
