// `fluxhook verify`: verifies the signatures of a captured request, and prints which check failed and why.
// No network.
import { Option, type Command } from "commander";
import { DIALECT_NAMES, type DialectName } from "../../wire/dialects/registry.ts";
import {
  addSecretOptions,
  readInput,
  requireSecret,
  type SecretOptions,
} from "../terminal/input.ts";
import { printable } from "../../wire/printable.ts";
import { colors, print } from "../terminal/output.ts";
import { readRawRequest, type CapturedRequest } from "./raw-request.ts";
import { checkSignatures, type SignatureCheck } from "./checks.ts";
import { collect, headersOf, withExamples, type Exit } from "../terminal/usage.ts";

interface VerifyOptions extends SecretOptions {
  body?: string;
  header?: string[];
  request?: string;
  dialect?: DialectName;
  anyAge?: boolean;
  json?: boolean;
}

export function addVerify(program: Command, exit: Exit): void {
  const command = program
    .command("verify")
    .description("verify a request that Fluxhook sent, and print which check fails and why")
    .option("--header <line>", "'Name: value' as received; repeatable", collect)
    .option("--body <file>", "the raw body; default or -: standard input")
    .option(
      "--request <file>",
      "in place of both: a whole HTTP/1.1 request as received; - is standard input",
    )
    .addOption(
      new Option(
        "--dialect <name>",
        "require this dialect's signature; default: check the signatures in the request",
      ).choices(DIALECT_NAMES),
    )
    .option("--any-age", "ignore the age of the request")
    .option("--json", "print JSON: every check with its verdict");
  addSecretOptions(command).action(async (options: VerifyOptions) => {
    exit(await verify(options, command));
  });
  withExamples(
    command,
    "fluxhook verify --secret-env WEBHOOK_SECRET --header 'webhook-id: evt_1' --header 'webhook-timestamp: 1769860801' --header 'webhook-signature: v1,…' < body.json",
    "fluxhook verify --secret-file secret.txt --request captured.http --any-age",
  );
}

async function verify(options: VerifyOptions, command: Command): Promise<number> {
  const { secretStdin, request: file, header, body } = options;
  if (file !== undefined && (header !== undefined || body !== undefined)) {
    return command.error("error: --request has headers and body; remove --header and --body");
  }
  if (file === undefined && header === undefined) {
    return command.error(
      "error: give the headers with --header 'Name: value', or the whole request with --request <file>",
    );
  }
  if (secretStdin && (file ?? body ?? "-") === "-") {
    return command.error(
      "error: standard input has the secret, so give a file: --body <file> or --request <file>",
    );
  }
  const secret = await requireSecret(options, command);
  const request = await readRequest(options, command);
  const checks = await checkSignatures({
    ...request,
    secret,
    dialect: options.dialect ?? null,
    isAnyAge: options.anyAge === true,
    nowSeconds: Math.floor(Date.now() / 1_000),
  });
  const verified = checks.every((check) => check.verified);
  print(options.json === true, JSON.stringify({ verified, checks }), () =>
    checks.map(line).join("\n"),
  );
  return verified ? 0 : 1;
}

async function readRequest(
  { request: file, header = [], body = "-" }: VerifyOptions,
  command: Command,
): Promise<CapturedRequest> {
  if (file === undefined) {
    const headers = new Headers();
    for (const [name, value] of headersOf(header, command)) {
      try {
        headers.append(name, value);
      } catch {
        command.error("error: --header: this is not a valid header; write 'Name: value'");
      }
    }
    return { headers, body: await readInput(body, "--body", command) };
  }
  const read = readRawRequest(await readInput(file, "--request", command));
  return typeof read === "string" ? command.error(`error: --request: ${read}`) : read;
}

function line({ check, verified, message }: SignatureCheck): string {
  const verdict = verified ? colors.green(`✓ ${check}`) : colors.red(`✗ ${check}`);
  return message === null ? verdict : `${verdict}: ${printable(message)}`;
}
