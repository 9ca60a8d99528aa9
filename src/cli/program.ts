// Assigns the commands to their files; nothing else.
import { Command, CommanderError } from "commander";
import { settingsHelp } from "../config/help.ts";
import { addCompletion } from "./completion.ts";
import { addConfig } from "./config.ts";
import { addAttempt } from "./attempt.ts";
import { addAudit } from "./audit.ts";
import { addDev } from "./dev/command.ts";
import { addDoctor } from "./doctor/command.ts";
import { addExecutions } from "./executions.ts";
import { addHealth } from "./health.ts";
import { fail } from "./terminal/fail.ts";
import { addListen } from "./listen/listen.ts";
import { addLogs } from "./logs.ts";
import { addParked } from "./parked.ts";
import { addRejected } from "./rejected.ts";
import { addSend } from "./send.ts";
import { addServe } from "./serve/command.ts";
import { addSign } from "./signature/sign.ts";
import { examples, writeError } from "./terminal/usage.ts";
import { addTokens } from "./tokens.ts";
import { addTop } from "./top/command.ts";
import { addVerify } from "./signature/verify.ts";
import { addWebhooks } from "./webhooks/webhooks.ts";
import { addWorkflows } from "./workflows.ts";
import { VERSION } from "../version.ts";

const program = new Command("fluxhook")
  .description("Webhook delivery in one binary on Valkey.")
  .version(VERSION, "-V, --version")
  .addHelpText("after", () => `${examples("fluxhook send --help")}\n${settingsHelp()}`)
  .configureOutput({ writeErr: writeError })
  .showHelpAfterError("(fluxhook --help lists the commands)")
  .exitOverride();

let exitCode = 0;
const exit = (code: number) => void (exitCode = code);

/** In the order of --help. A new command needs its file and one line here. */
const COMMANDS = [
  addServe,
  addDev,
  addHealth,
  addDoctor,
  addTop,
  addSend,
  addLogs,
  addAttempt,
  addWebhooks,
  addWorkflows,
  addConfig,
  addTokens,
  addAudit,
  addParked,
  addExecutions,
  addRejected,
  addSign,
  addVerify,
  addListen,
  addCompletion,
];
for (const add of COMMANDS) add(program, exit);

/** Returns the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : fail(error);
  }
  return exitCode;
}
