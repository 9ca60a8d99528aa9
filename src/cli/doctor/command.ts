import type { Command } from "commander";
import { withExamples, type Exit } from "../terminal/usage.ts";

export function addDoctor(program: Command, exit: Exit): void {
  const command = program
    .command("doctor")
    .description("check Valkey, clock, names, egress, keys and limits, and say what to do for each")
    .option("--url <url>", "check one receiver instead: its name, the guard, the connection")
    .option("--json", "print JSON")
    .action(async ({ url, json = false }: { url?: string; json?: boolean }) => {
      // Imported here, so that only this command loads the checks.
      exit(await (await import("./doctor.ts")).doctor({ json, url }));
    });
  withExamples(command, "fluxhook doctor", "fluxhook doctor --url https://example.com/");
}
