// Commands to their files; nothing else.
import { Command, CommanderError } from "commander";
import { settingsHelp } from "./cli/settings-help.ts";
import { fail } from "./cli/fail.ts";
import { raiseFetchLimit } from "./cli/fetch-limit.ts";
import { VERSION } from "./version.ts";

const program = new Command("fluxhook")
  .description("Webhook delivery in one binary on Valkey.")
  .version(VERSION, "-V, --version")
  .addHelpText("after", () => settingsHelp())
  .showHelpAfterError("(fluxhook --help lists the commands)")
  .exitOverride();

let exitCode = 0;

program
  .command("serve", { isDefault: true })
  .description("run the worker and the API until SIGTERM (the default)")
  .action(async () => {
    raiseFetchLimit();
    exitCode = await (await import("./cli/serve.ts")).serve();
  });

program
  .command("dev")
  .description("the same on a Valkey that it starts itself, with sample deliveries")
  .option("--once", "end after the samples: 0 if all arrived and verified")
  .action(async (options: { once?: boolean }) => {
    raiseFetchLimit();
    exitCode = await (await import("./cli/dev.ts")).dev({ once: options.once === true });
  });

program
  .command("health")
  .description("0 if the service of this machine is ready, as the image's HEALTHCHECK asks")
  .action(async () => {
    exitCode = await (await import("./cli/health.ts")).health();
  });

try {
  await program.parseAsync();
} catch (error) {
  exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : fail(error);
}
process.exit(exitCode);
