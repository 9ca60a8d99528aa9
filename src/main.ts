// The entry point: tunes the process before anything else is loaded, then runs the command.
import { setOwnEnvironment } from "./service/tune-runtime.ts";
import { scheduleHelpersAsBatch } from "./service/helper-threads.ts";

const args = process.argv.slice(2);
const [command = "serve"] = args;
if (command === "serve" || command === "dev") {
  setOwnEnvironment();
  scheduleHelpersAsBatch();
}
process.exit(await run());

async function run(): Promise<number> {
  // The service does not need the other commands and starts faster without them.
  if (command === "serve" && args.length <= 1) {
    const { serve } = await import("./cli/serve/serve.ts");
    const { fail } = await import("./cli/terminal/fail.ts");
    return serve().catch(fail);
  }
  const { runCommand } = await import("./cli/program.ts");
  return runCommand(args);
}
