// A valkey-server on this machine, and the error that says how to get one.

export interface ValkeyInstall {
  serverPath: string;
  /** valkey-cli, where there is one. */
  cliPath: string | null;
  /** To be added to the environment of both. */
  env: Record<string, string>;
  /** "8.0.1" */
  version: string;
}

export type Probe =
  { status: "runs"; install: ValkeyInstall } | { status: "broken"; reason: string };

/** Whether it runs here: a package may be for another machine, or a library may be missing. */
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
    // An image without execute permission or of another architecture is not even started.
    return { status: "broken", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** There is no Valkey here and none can be fetched. */
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
or name one that runs already: FLUXHOOK_VALKEY_URL=redis://host:6379`;
