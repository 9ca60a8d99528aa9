// A valkey-server on this system, and the error that explains how to get one.

export interface ValkeyInstall {
  serverPath: string;
  /** valkey-cli, or null if there is none. */
  cliPath: string | null;
  /** Variables to add to the environment of both. */
  env: Record<string, string>;
  /** "8.0.1" */
  version: string;
}

export type Probe =
  { status: "runs"; install: ValkeyInstall } | { status: "broken"; reason: string };

/** Checks that it runs here: the package may be for another architecture, or a library may be missing. */
export async function probeInstall(
  found: Omit<ValkeyInstall, "version">,
  baseEnv: Record<string, string | undefined>,
): Promise<Probe> {
  try {
    const server = Bun.spawn([found.serverPath, "--version"], {
      env: { ...baseEnv, ...found.env },
      stdin: "ignore",
      stderr: "pipe",
    });
    const [said, complaint] = await Promise.all([server.stdout.text(), server.stderr.text()]);
    const version = /\bv=(\d+\.\d+\.\d+)/.exec(said)?.[1];
    return version === undefined
      ? {
          status: "broken",
          reason: complaint.trim() || `it answers ${JSON.stringify(said.trim())}`,
        }
      : { status: "runs", install: { ...found, version } };
  } catch (error) {
    // A file without execute permission or for another architecture cannot be started.
    return { status: "broken", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** There is no Valkey here and none can be downloaded. */
export class NoValkeyError extends Error {
  override name = "NoValkeyError";

  constructor(reason: string) {
    super(`${reason}\n\n${HOW_TO_GET_ONE}`);
  }
}

const HOW_TO_GET_ONE = `To get a Valkey:
  Debian 13, Ubuntu   sudo apt install valkey-server
  Debian 12           sudo apt install -t bookworm-backports valkey-server
  Fedora              sudo dnf install valkey
  Alpine              sudo apk add valkey
  macOS               brew install valkey
  Docker              docker run -p 6379:6379 valkey/valkey
or use one that is running already: FLUXHOOK_VALKEY_URL=redis://host:6379`;
