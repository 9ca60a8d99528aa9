// `bun run release <version>`: makes a release of what is committed, in dist/release/<version>: an
// executable for each target, the SDK's package, the version's changes, and SHA-256 checksums. Then it
// writes the version into package.json and CHANGELOG.md. It builds in a copy of HEAD, so a build that
// fails leaves the repository as it was.
//   --dry-run  builds everything and changes nothing in the repository
//   --tag      commits the two files and tags the commit v<version>; nothing is ever pushed
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** `machine` is e_machine of the ELF header. */
export const TARGETS = [
  { name: "linux-x64", bun: "bun-linux-x64", arch: "x64", machine: 0x3e },
  { name: "linux-arm64", bun: "bun-linux-arm64", arch: "arm64", machine: 0xb7 },
] as const;

export const USAGE = "usage: bun run release <version> [--dry-run | --tag]";

/** Semantic Versioning 2.0.0 without build metadata, which neither npm nor `git describe` orders. */
const VERSION_FORM =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?$/;

/** Why a release is refused; the message is for the maintainer. */
export class ReleaseRefused extends Error {}

export interface ReleaseState {
  version: string;
  /** The version in package.json. */
  manifestVersion: string;
  changelog: string;
  /** `git status --porcelain`. */
  status: string;
  /** `git tag --list`, one to a line. */
  tags: string;
}

/** Returns everything that stands in the way of the release; empty if nothing does. */
export function problemsOf(state: ReleaseState): string[] {
  const { version, manifestVersion, changelog, status, tags } = state;
  if (!VERSION_FORM.test(version)) {
    return [`${JSON.stringify(version)} is not a version such as 1.2.3 or 1.2.3-rc.1`];
  }
  const problems: string[] = [];
  if (status.trim() !== "") {
    problems.push(
      `the working tree has changes; commit or remove them first:\n${status.trimEnd()}`,
    );
  }
  if (tags.split("\n").includes(`v${version}`)) problems.push(`the tag v${version} exists already`);
  if (Bun.semver.order(version, manifestVersion) < 0) {
    problems.push(`${version} is older than ${manifestVersion}, the version in package.json`);
  }
  try {
    cutChangelog(changelog, version, "2000-01-01");
  } catch (error) {
    if (!(error instanceof ReleaseRefused)) throw error;
    problems.push(error.message);
  }
  return problems;
}

/**
 * Moves what is under `## [Unreleased]` to `## [<version>] - <date>`, the form of Keep a Changelog.
 * `section` is what was moved, without its heading.
 *
 * @throws ReleaseRefused if the version has a section already, or nothing is unreleased.
 */
export function cutChangelog(
  changelog: string,
  version: string,
  date: string,
): { changelog: string; section: string } {
  const lines = changelog.split("\n");
  const isHeading = (line: string) => line.startsWith("## [");
  if (lines.some((line) => line.startsWith(`## [${version}]`))) {
    throw new ReleaseRefused(`CHANGELOG.md has a section for ${version} already`);
  }
  const start = lines.findIndex((line) => line.trim().toLowerCase() === "## [unreleased]");
  if (start < 0) throw new ReleaseRefused("CHANGELOG.md has no ## [Unreleased] section");
  const next = lines.findIndex((line, i) => i > start && isHeading(line));
  const end = next < 0 ? lines.length : next;
  const section = lines
    .slice(start + 1, end)
    .join("\n")
    .trim();
  // Headings such as `### Added` alone announce nothing.
  if (!/^(?!#)\S/m.test(section)) {
    throw new ReleaseRefused("CHANGELOG.md has nothing under ## [Unreleased]");
  }
  const rest = lines.slice(end).join("\n");
  const cut = [
    ...lines.slice(0, start + 1),
    "",
    `## [${version}] - ${date}`,
    "",
    section,
    ...(rest.trim() === "" ? [""] : ["", rest]),
  ];
  return { changelog: cut.join("\n"), section };
}

/** Replaces the version in the text of package.json and leaves every other character as it is. */
export function withVersion(manifest: string, version: string): string {
  return manifest.replace(/^( {2}"version": )"[^"]*"/m, `$1"${version}"`);
}

/** The name of a release's executable. */
export function binaryName(version: string, target: string): string {
  return `fluxhook-${version}-${target}`;
}

/** The name of the SDK's package: npm's own would not say that it is the SDK. */
export function sdkName(version: string): string {
  return `fluxhook-sdk-${version}.tgz`;
}

/** The machine that an ELF executable is for (e_machine, 64-bit little-endian), or null if it is none. */
export function elfMachine(header: Uint8Array): number | null {
  const isElf =
    header.length >= 20 && [0x7f, 0x45, 0x4c, 0x46, 2, 1].every((b, i) => header[i] === b);
  return isElf ? new DataView(header.buffer, header.byteOffset).getUint16(18, true) : null;
}

/** Returns the files' checksums in the form that `sha256sum --check` reads. */
export async function checksums(folder: string, names: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const name of names) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk as Buffer);
    lines.push(`${hash.digest("hex")}  ${name}\n`);
  }
  return lines.join("");
}

/** Runs a command and returns its standard output. @throws Error with its standard error. */
async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  if (exitCode === 0) return stdout;
  throw new Error(`${command.join(" ")} ended with ${exitCode}:\n${stderr || stdout}`);
}

async function release(root: string, args: { version: string; dryRun: boolean; tag: boolean }) {
  const { version, dryRun, tag } = args;
  const git = (...words: string[]) => run(["git", ...words], root);
  const manifestFile = join(root, "package.json");
  const changelogFile = join(root, "CHANGELOG.md");
  const manifest = await Bun.file(manifestFile).text();
  const changelog = await Bun.file(changelogFile).text();
  const problems = problemsOf({
    version,
    manifestVersion: (JSON.parse(manifest) as { version: string }).version,
    changelog,
    status: await git("status", "--porcelain"),
    tags: await git("tag", "--list"),
  });
  if (problems.length > 0) throw new ReleaseRefused(problems.join("\n"));

  const cut = cutChangelog(changelog, version, new Date().toISOString().slice(0, 10));
  const newManifest = withVersion(manifest, version);
  const folder = join(root, "dist/release", version);
  const copy = await mkdtemp(join(tmpdir(), "fluxhook-release-"));
  try {
    await run(["sh", "-c", 'git archive HEAD | tar -x -C "$1"', "sh", copy], root);
    await Bun.write(join(copy, "package.json"), newManifest);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const names = await build(copy, folder, version);
    await Bun.write(join(folder, "CHANGES.md"), `${cut.section}\n`);
    await Bun.write(join(folder, "SHA256SUMS"), await checksums(folder, names));
    for (const name of names) {
      console.log(`${name} ${(Bun.file(join(folder, name)).size / 2 ** 20).toFixed(1)} MiB`);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }

  console.log(`made in ${folder}`);
  if (dryRun) return;
  await Bun.write(manifestFile, newManifest);
  await Bun.write(changelogFile, cut.changelog);
  if (!tag) {
    console.log("package.json and CHANGELOG.md are changed; commit and tag them");
    return;
  }
  await git(
    "commit",
    "--quiet",
    "--message",
    `release: ${version}`,
    "--",
    manifestFile,
    changelogFile,
  );
  await git("tag", "--annotate", `v${version}`, "--message", `Fluxhook ${version}`);
  console.log(`committed and tagged v${version}; to publish: git push --follow-tags`);
}

/** Builds everything from `source` into `folder` and returns the files' names. */
async function build(source: string, folder: string, version: string): Promise<string[]> {
  const bun = process.execPath;
  await run([bun, "install", "--frozen-lockfile", "--silent"], source);
  const names: string[] = [];
  for (const target of TARGETS) {
    const name = binaryName(version, target.name);
    // In the copy first: the build puts a source map beside it, which the executable has inside.
    const built = join(source, "dist", name);
    await run([bun, "build.ts", "--target", target.bun, "--outfile", built], source);
    await checkBinary(built, version, target);
    await Bun.write(join(folder, name), Bun.file(built), { mode: 0o755 });
    names.push(name);
  }
  const sdk = join(source, "dist/sdk");
  await run([bun, "build.ts", "--sdk", sdk], source);
  const name = sdkName(version);
  await run(
    [bun, "pm", "pack", "--quiet", "--ignore-scripts", "--filename", join(folder, name)],
    sdk,
  );
  return [...names, name];
}

async function checkBinary(
  file: string,
  version: string,
  { name, arch, machine }: (typeof TARGETS)[number],
): Promise<void> {
  const found = elfMachine(await Bun.file(file).slice(0, 20).bytes());
  if (found !== machine) throw new Error(`the executable for ${name} is for machine ${found}`);
  if (process.platform !== "linux" || process.arch !== arch) return;
  const said = (await run([file, "--version"], tmpdir())).trim();
  if (said !== version) throw new Error(`the executable for ${name} says that it is ${said}`);
}

/** Returns null where the arguments are wrong. */
function readArguments(): { version: string; dryRun: boolean; tag: boolean } | null {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { "dry-run": { type: "boolean" }, tag: { type: "boolean" } },
    });
    const { "dry-run": dryRun = false, tag = false } = values;
    const [version, ...more] = positionals;
    return version === undefined || more.length > 0 || (dryRun && tag)
      ? null
      : { version, dryRun, tag };
  } catch {
    return null;
  }
}

if (import.meta.main) {
  const args = readArguments();
  if (args === null) {
    console.error(USAGE);
    process.exit(2);
  }
  try {
    await release(process.cwd(), args);
  } catch (error) {
    console.error(error instanceof ReleaseRefused ? error.message : error);
    process.exit(1);
  }
}
