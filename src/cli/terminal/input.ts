// What a command reads besides its arguments: files, standard input, and secrets from places that other
// users of the machine cannot see.
import { Option, type Command } from "commander";
import { checkSecret } from "../../wire/secret.ts";

/** Returns the bytes of a file, or of standard input for `-`. A usage error if it cannot be read. */
export async function readInput(
  path: string,
  option: string,
  command: Command,
): Promise<Uint8Array<ArrayBuffer>> {
  if (path === "-") {
    if (process.stdin.isTTY) process.stderr.write("reading from the terminal; Ctrl-D ends it\n");
    return Bun.stdin.bytes();
  }
  try {
    return await Bun.file(path).bytes();
  } catch (error) {
    const code = (error as { code?: string }).code ?? "it cannot be read";
    return command.error(`error: ${option}: ${path}: ${code}; give a file that can be read`);
  }
}

export interface SecretOptions {
  secret?: string;
  secretFile?: string;
  secretEnv?: string;
  secretStdin?: boolean;
}

export const SECRET_HELP =
  "\nA secret on the command line would be visible to all users of the machine (ps) and stay in the\n" +
  "shell's history. So it is read from a variable, a file or standard input.";

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ACCEPTED = "--secret-env <name>, --secret-file <file> or --secret-stdin";

export function addSecretOptions(command: Command, what = "the webhook's secret"): Command {
  return (
    command
      .option("--secret-env <name>", `${what}, from this environment variable`)
      .option("--secret-file <file>", `${what}, from this file, without a line feed at its end`)
      .option("--secret-stdin", `${what}, from standard input`)
      // Declared only to refuse it: commander would print an unknown option with its value.
      .addOption(new Option("--secret <text>").hideHelp())
      .addHelpText("after", SECRET_HELP)
  );
}

/** Returns null if no option is given. */
export async function readSecret(
  { secret, secretFile, secretEnv, secretStdin }: SecretOptions,
  command: Command,
  check: (text: string) => string | null = checkSecret,
): Promise<string | null> {
  if (secret !== undefined) {
    return command.error(
      `error: --secret is not accepted, because others would see it; use ${ACCEPTED}`,
    );
  }
  const named = [secretFile, secretEnv, secretStdin].filter((one) => one !== undefined);
  if (named.length === 0) return null;
  if (named.length > 1) return command.error(`error: give one of ${ACCEPTED}`);
  if (secretEnv !== undefined && !VARIABLE.test(secretEnv)) {
    // The message does not repeat the value, which may be the secret.
    return command.error(
      "error: --secret-env takes the name of a variable, such as WEBHOOK_SECRET",
    );
  }
  let text: string | undefined;
  if (secretEnv !== undefined) text = process.env[secretEnv];
  else {
    const [path, option] = secretStdin
      ? ["-", "--secret-stdin"]
      : [secretFile ?? "", "--secret-file"];
    text = new TextDecoder().decode(await readInput(path, option, command));
  }
  if (text === undefined) {
    return command.error(`error: --secret-env: the variable ${secretEnv} is not set`);
  }
  const read = text.replace(/\r?\n$/, "");
  const problem = check(read);
  return problem === null ? read : command.error(`error: the secret ${problem}`);
}

export async function requireSecret(options: SecretOptions, command: Command): Promise<string> {
  return (
    (await readSecret(options, command)) ??
    command.error(`error: the secret is missing: use ${ACCEPTED}`)
  );
}
