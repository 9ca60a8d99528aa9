import type { Command } from "commander";
import { withExamples, type Exit } from "../terminal/usage.ts";

export function addDev(program: Command, exit: Exit): void {
  const command = program
    .command("dev")
    .description("the same on a Valkey that it starts itself, with sample deliveries")
    .option("--once", "end after the samples: 0 if all arrived and verified")
    .action(async ({ once = false }: { once?: boolean }) => {
      // Loaded by this command only: it is the whole service.
      exit(await (await import("./dev.ts")).dev({ once }));
    });
  withExamples(command, "fluxhook dev", "fluxhook dev --once");
}
