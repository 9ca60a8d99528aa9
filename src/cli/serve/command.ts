import type { Command } from "commander";
import { withExamples, type Exit } from "../terminal/usage.ts";

export function addServe(program: Command, exit: Exit): void {
  const command = program
    .command("serve")
    .description("run the worker and the API until SIGTERM (the default)")
    .action(async () => {
      // Imported here, so that only this command loads the whole service.
      exit(await (await import("./serve.ts")).serve());
    });
  withExamples(command, "FLUXHOOK_API_TOKEN=… fluxhook serve");
}
