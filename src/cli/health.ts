// `fluxhook health`: checks if the service is ready, for a HEALTHCHECK in an image without shell and
// curl. The exit codes are Docker's: 0 healthy, 1 unhealthy; 2 is reserved.
import type { Command } from "commander";
import { readSettings, type Settings } from "../config/settings.ts";
import { printable } from "../wire/printable.ts";
import { withExamples, type Exit } from "./terminal/usage.ts";

const DEADLINE_MS = 3_000;

export type Readiness =
  | { ready: true }
  /** `status` is null if nothing answered. */
  | { ready: false; status: number | null; problem: string };

export function addHealth(program: Command, exit: Exit): void {
  const command = program
    .command("health")
    .description(
      "check if the service on this machine is ready (exit code 0), for the image's HEALTHCHECK",
    )
    .action(async () => exit(await health()));
  withExamples(command, "fluxhook health");
}

/** Requests `/readyz` at FLUXHOOK_HOST and FLUXHOOK_PORT. Returns the exit code and prints the cause of 1. */
export async function health(
  environment: Record<string, string | undefined> = process.env,
  say: (line: string) => void = console.error,
): Promise<number> {
  const readiness = await readReadiness(environment);
  if (readiness.ready) return 0;
  say(`fluxhook: not ready: ${printable(readiness.problem)}`);
  return 1;
}

async function readReadiness(environment: Record<string, string | undefined>): Promise<Readiness> {
  try {
    return await askReadiness(readSettings(environment));
  } catch (error) {
    return notAnswered(error instanceof Error ? error.message : String(error));
  }
}

/** Requests `/readyz` of the service with these settings on this machine. */
export async function askReadiness({
  HOST,
  PORT,
}: Pick<Settings, "HOST" | "PORT">): Promise<Readiness> {
  if (PORT === 0) return notAnswered("FLUXHOOK_PORT=0 picks a port that only the service knows");
  try {
    const response = await fetch(`http://${reachable(HOST)}:${PORT}/readyz`, {
      // Without the environment's HTTP_PROXY: the proxy would connect to its own 127.0.0.1.
      proxy: false,
      redirect: "manual",
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (response.status === 200) return { ready: true };
    const { status } = response;
    const problem = `${status} ${await readDetail(response)}`.trimEnd();
    return { ready: false, status, problem };
  } catch (error) {
    return notAnswered(error instanceof Error ? error.message : String(error));
  }
}

function notAnswered(problem: string): Readiness {
  return { ready: false, status: null, problem };
}

/** Uses the loopback address if the service listens on every address. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/** Returns the `detail` of a problem document (RFC 9457 §3.1.4), or nothing for another answer. */
async function readDetail(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    return typeof detail === "string" ? detail : "";
  } catch {
    return "";
  }
}
