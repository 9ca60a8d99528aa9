// Finds a valkey-server for `fluxhook dev` and for the tests: on PATH, otherwise in our cache folder,
// otherwise from Debian's or Ubuntu's packages, without root.
import { homedir } from "node:os";
import { join } from "node:path";

import { readDebianRelease } from "./debian-release.ts";
import { fetchDebianValkey, unpackedValkey } from "./fetch-from-apt.ts";
import { NoValkeyError, probeInstall, type ValkeyInstall } from "./install.ts";

export interface LocateOptions {
  /** Gets short lines for the user, such as "downloading valkey-server from Debian's packages…". */
  onProgress?: (line: string) => void;
  /** PATH, HOME, XDG_CACHE_HOME and the variables that apt reads, such as http_proxy. */
  env?: Record<string, string | undefined>;
}

/** @throws NoValkeyError if there is none and none can be downloaded. */
export async function locateValkey({
  onProgress = () => {},
  env = process.env,
}: LocateOptions = {}): Promise<ValkeyInstall> {
  const which = (command: string) => Bun.which(command, { PATH: env.PATH ?? "" });

  const serverPath = which("valkey-server");
  if (serverPath !== null) {
    const probe = await probeInstall({ serverPath, cliPath: which("valkey-cli"), env: {} }, env);
    if (probe.status === "runs") return probe.install;
    onProgress(`${serverPath} does not run: ${probe.reason}`);
  }

  const release = await readDebianRelease();
  if (release === null) {
    throw new NoValkeyError("There is no valkey-server on PATH.");
  }

  const cacheFolder = env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache");
  const folder = join(cacheFolder, "fluxhook", "valkey", release.key);
  const cached = await unpackedValkey(folder);
  if (cached) {
    const probe = await probeInstall(cached, env);
    if (probe.status === "runs") return probe.install;
    onProgress(`${cached.serverPath} does not run: ${probe.reason}`);
  }

  const aptGet = which("apt-get");
  if (aptGet === null || which("dpkg") === null) {
    throw new NoValkeyError("There is no valkey-server on PATH, and no apt-get to download one.");
  }
  const fetched = await fetchDebianValkey({ folder, release, env, onProgress });
  if (fetched.status === "failed") {
    throw new NoValkeyError(`There is no valkey-server on PATH, and ${fetched.reason}`);
  }
  return fetched.install;
}
