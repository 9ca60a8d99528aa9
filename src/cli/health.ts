// `fluxhook health`: whether the service of this environment is ready, for a HEALTHCHECK in an image
// that has no shell and no curl. Exit codes are Docker's: 0 healthy, 1 not; 2 is reserved there.
import type { Command } from "commander";
import { readSettings, type Settings } from "../config/settings.ts";
import { printable } from "../wire/printable.ts";
import { withExamples, type Exit } from "./terminal/usage.ts";

const DEADLINE_MS = 3_000;

export type Readiness =
  | { ready: true }
  /** `status` is null where nothing answered. */
  | { ready: false; status: number | null; problem: string };

export function addHealth(program: Command, exit: Exit): void {
  const command = program
    .command("health")
    .description("0 if the service of this machine is ready, as the image's HEALTHCHECK asks")
    .action(async () => exit(await health()));
  withExamples(command, "fluxhook health");
}

/** Asks `/readyz` at FLUXHOOK_HOST and FLUXHOOK_PORT. Answers the exit code; says why where it is 1. */
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

/** Asks the service of these settings, on this machine. */
export async function askReadiness({
  HOST,
  PORT,
}: Pick<Settings, "HOST" | "PORT">): Promise<Readiness> {
  if (PORT === 0) return notAnswered("FLUXHOOK_PORT=0 picks a port that only the service knows");
  try {
    const response = await fetch(`http://${reachable(HOST)}:${PORT}/readyz`, {
      // The environment's HTTP_PROXY is for receivers; it would ask its own 127.0.0.1.
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

/** Where one listens on every address, one asks the loopback. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/** The `detail` of a problem document (RFC 9457 §3.1.4), where the answer is one. */
async function readDetail(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    return typeof detail === "string" ? detail : "";
  } catch {
    return "";
  }
}
