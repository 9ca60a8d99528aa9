import type { Command } from "commander";
import { withExamples, type Exit } from "../terminal/usage.ts";

export function addDev(program: Command, exit: Exit): void {
  const command = program
    .command("dev")
    .description("like serve, on a Valkey that it starts itself, with sample deliveries")
    .option("--once", "end after the samples: exit code 0 if all arrived and verified")
    .action(async ({ once = false }: { once?: boolean }) => {
      // Imported here, so that only this command loads the whole service.
      exit(await (await import("./dev.ts")).dev({ once }));
    });
  withExamples(command, "fluxhook dev", "fluxhook dev --once");
}
