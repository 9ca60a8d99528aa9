// `fluxhook top`: the overview in a terminal, drawn again every two seconds; for scripts once, as JSON.
import type { Command } from "commander";
import { printable } from "../../wire/printable.ts";
import { ApiClient } from "../terminal/api-client.ts";
import { colors } from "../terminal/output.ts";
import { untilSignal } from "../terminal/signals.ts";
import { wholeNumber, withExamples, type Exit } from "../terminal/usage.ts";
import { ratesOf, type SeriesAnswer, type StatsAnswer } from "./figures.ts";
import { overviewText } from "./screen.ts";

interface TopOptions {
  once?: boolean;
  json?: boolean;
  every: number;
}

const EVERY_S = 2;
const MAX_EVERY_S = 3_600;
/** ECMA-48: cursor to the first place (CUP), erase from there (ED). */
const CLEAR = "\x1b[H\x1b[J";

export function addTop(program: Command, exit: Exit): void {
  const command = program
    .command("top")
    .description("the service at a glance: what needs you, rates, lists, workers, Valkey")
    .option("--once", "print it once; so it does where the output is no terminal")
    .option("--json", "print JSON: one line each time")
    .option(
      "--every <seconds>",
      `draw it again after this many seconds (default: ${EVERY_S})`,
      wholeNumber(1, MAX_EVERY_S),
    )
    .action(async (options: Partial<TopOptions>) => {
      exit(await top({ ...options, every: options.every ?? EVERY_S }));
    });
  withExamples(command, "fluxhook top", "fluxhook top --once --json");
}

async function top(options: TopOptions): Promise<number> {
  const client = ApiClient.ofEnvironment();
  const isOnce = options.once === true || (!options.json && !process.stdout.isTTY);
  if (isOnce) {
    console.log(await frame(client, options));
    return 0;
  }
  const ended = untilSignal();
  for (;;) {
    // An outage passes: what is shown says so, and the next look may succeed.
    const text = await frame(client, options).catch((error: unknown) =>
      failure(error, options.json === true),
    );
    console.log(options.json ? text : CLEAR + text);
    if (await Promise.race([ended, Bun.sleep(options.every * 1_000)])) return 0;
  }
}

async function frame(client: ApiClient, { json }: TopOptions): Promise<string> {
  const [stats, series] = await Promise.all([
    client.call<StatsAnswer>("GET", "/v1/stats"),
    client.call<SeriesAnswer>("GET", "/v1/series?range=1h"),
  ]);
  const rates = ratesOf(series);
  return json ? JSON.stringify({ ...stats, rates }) : overviewText(stats, rates);
}

function failure(error: unknown, isJson: boolean): string {
  const message = printable(error instanceof Error ? error.message : String(error));
  return isJson ? JSON.stringify({ error: message }) : colors.red(message);
}
