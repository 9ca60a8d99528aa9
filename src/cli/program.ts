// Commands to their files; nothing else.
import { Command, CommanderError } from "commander";
import { settingsHelp } from "../config/help.ts";
import { fail } from "./terminal/fail.ts";
import { addListen } from "./listen/listen.ts";
import { addLogs } from "./logs.ts";
import { addParked } from "./parked.ts";
import { addRejected } from "./rejected.ts";
import { addSend } from "./send.ts";
import { addSign } from "./signature/sign.ts";
import { examples, writeError } from "./terminal/usage.ts";
import { addVerify } from "./signature/verify.ts";
import { addWebhooks } from "./webhooks/webhooks.ts";
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

program
  .command("serve")
  .description("run the worker and the API until SIGTERM (the default)")
  .addHelpText("after", examples("FLUXHOOK_API_TOKEN=… fluxhook serve"))
  .action(async () => {
    exitCode = await (await import("./serve.ts")).serve();
  });

program
  .command("dev")
  .description("the same on a Valkey that it starts itself, with sample deliveries")
  .option("--once", "end after the samples: 0 if all arrived and verified")
  .addHelpText("after", examples("fluxhook dev", "fluxhook dev --once"))
  .action(async (options: { once?: boolean }) => {
    exitCode = await (await import("./dev/dev.ts")).dev({ once: options.once === true });
  });

program
  .command("health")
  .description("0 if the service of this machine is ready, as the image's HEALTHCHECK asks")
  .addHelpText("after", examples("fluxhook health"))
  .action(async () => {
    exitCode = await (await import("./health.ts")).health();
  });

program
  .command("doctor")
  .description("check Valkey, clock, names, egress, keys and limits, and say what to do for each")
  .option("--url <url>", "check one receiver instead: its name, the guard, the connection")
  .option("--json", "print JSON")
  .addHelpText("after", examples("fluxhook doctor", "fluxhook doctor --url https://example.com/"))
  .action(async (options: { url?: string; json?: boolean }) => {
    const { doctor } = await import("./doctor/doctor.ts");
    exitCode = await doctor({ json: options.json === true, url: options.url });
  });

addSend(program, exit);
addLogs(program, exit);
addWebhooks(program, exit);
addParked(program, exit);
addRejected(program, exit);
addSign(program, exit);
addVerify(program, exit);
addListen(program, exit);

/** Answers the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : fail(error);
  }
  return exitCode;
}
