// `bun run release`: its parts, and the whole of it in a repository of the test's own, with a build.ts
// that builds small programs in place of Fluxhook.
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  binaryName,
  checksums,
  cutChangelog,
  elfMachine,
  problemsOf,
  ReleaseRefused,
  sdkName,
  TARGETS,
  USAGE,
  withVersion,
  type ReleaseState,
} from "../release.ts";
import { tempFolder } from "./support/valkey.ts";

const ROOT = join(import.meta.dir, "..");
const HEAD = "# Changelog\n\nThe form.\n\n## [Unreleased]\n";
const ADDED = "### Added\n\n- One thing.\n- Another.";
const OLD = "## [0.1.0] - 2026-01-02\n\n### Added\n\n- The first.\n";

describe("cutChangelog", () => {
  test("moves the unreleased changes to the version and leaves an empty Unreleased section", () => {
    expect(cutChangelog(`${HEAD}\n${ADDED}\n\n${OLD}`, "0.2.0", "2026-11-28")).toEqual({
      changelog: `${HEAD}\n## [0.2.0] - 2026-11-28\n\n${ADDED}\n\n${OLD}`,
      section: ADDED,
    });
  });

  test("makes the first version's section at the end of the file", () => {
    expect(cutChangelog(`${HEAD}\n${ADDED}\n`, "0.1.0", "2026-11-28").changelog).toBe(
      `${HEAD}\n## [0.1.0] - 2026-11-28\n\n${ADDED}\n`,
    );
  });

  test("refuses a second cut: nothing is unreleased after the first one", () => {
    const { changelog } = cutChangelog(`${HEAD}\n${ADDED}\n`, "0.1.0", "2026-11-28");
    expect(() => cutChangelog(changelog, "0.2.0", "2026-11-29")).toThrow(
      "CHANGELOG.md has nothing under ## [Unreleased]",
    );
  });

  test.each([
    ["nothing is unreleased", `${HEAD}\n${OLD}`, "0.2.0", "nothing under ## [Unreleased]"],
    ["there are only headings", `${HEAD}\n### Added\n\n${OLD}`, "0.2.0", "nothing under"],
    [
      "there is no Unreleased section",
      `# Changelog\n\n${OLD}`,
      "0.2.0",
      "no ## [Unreleased] section",
    ],
    ["the version has a section", `${HEAD}\n${ADDED}\n\n${OLD}`, "0.1.0", "a section for 0.1.0"],
  ])("refuses when %s", (_, changelog, version, message) => {
    expect(() => cutChangelog(changelog, version, "2026-11-28")).toThrow(ReleaseRefused);
    expect(() => cutChangelog(changelog, version, "2026-11-28")).toThrow(message);
  });

  test("accepts the changelog of this repository", async () => {
    const changelog = await Bun.file(join(ROOT, "CHANGELOG.md")).text();
    if (/^## \[Unreleased\]\n+(?:## |$)/m.test(changelog)) return;
    const cut = cutChangelog(changelog, "999.0.0", "2026-11-28");
    expect(cut.changelog).toContain(
      `## [Unreleased]\n\n## [999.0.0] - 2026-11-28\n\n${cut.section}`,
    );
    expect(cut.changelog.replace("\n## [999.0.0] - 2026-11-28\n", "")).toBe(changelog);
  });
});

describe("a release is refused", () => {
  const good: ReleaseState = {
    version: "0.2.0",
    manifestVersion: "0.1.0",
    changelog: `${HEAD}\n${ADDED}\n\n${OLD}`,
    status: "",
    tags: "v0.1.0\nv0.2.0-rc.1\n",
  };

  test("unless the tree is clean and the version is new, or is the one in package.json", () => {
    expect(problemsOf(good)).toEqual([]);
    expect(problemsOf({ ...good, manifestVersion: "0.2.0" })).toEqual([]);
    expect(problemsOf({ ...good, version: "0.2.0-rc.2", manifestVersion: "0.2.0-rc.1" })).toEqual(
      [],
    );
  });

  test.each<[string, Partial<ReleaseState>, string]>([
    ["with changes in the tree", { status: " M src/main.ts\n" }, "changes; commit or remove them"],
    ["for a tag that exists", { tags: "v0.1.0\nv0.2.0" }, "the tag v0.2.0 exists already"],
    ["for an older version", { manifestVersion: "0.10.0" }, "0.2.0 is older than 0.10.0"],
    ["for a version with a section", { version: "0.1.0" }, "a section for 0.1.0 already"],
    ["without changes to announce", { changelog: HEAD }, "nothing under ## [Unreleased]"],
  ])("%s", (_, change, problem) => {
    expect(problemsOf({ ...good, ...change }).join("\n")).toContain(problem);
  });

  test.each([
    "",
    "1",
    "1.2",
    "v1.2.3",
    "01.2.3",
    "1.2.3-",
    "1.2.3-01",
    "1.2.3+b",
    "1.2.3 ",
    "../x",
  ])("for %p, which is not a version", (version) => {
    expect(problemsOf({ ...good, version })).toEqual([
      `${JSON.stringify(version)} is not a version such as 1.2.3 or 1.2.3-rc.1`,
    ]);
  });

  test("with every problem in one message", () => {
    expect(problemsOf({ ...good, status: "?? x", tags: "v0.2.0", changelog: HEAD })).toHaveLength(
      3,
    );
  });
});

test("withVersion replaces the version in package.json and nothing else", async () => {
  const manifest = await Bun.file(join(ROOT, "package.json")).text();
  const changed = withVersion(manifest, "9.8.7");
  expect(JSON.parse(changed)).toEqual({ ...(JSON.parse(manifest) as object), version: "9.8.7" });
  expect(changed.split("\n").filter((line, i) => line !== manifest.split("\n")[i])).toEqual([
    '  "version": "9.8.7",',
  ]);
});

test("elfMachine reads the machine from an ELF header and returns null for other files", () => {
  expect(TARGETS.map(({ machine }) => elfMachine(elfHeader(machine)))).toEqual([62, 183]);
  expect(elfMachine(elfHeader(62).subarray(0, 19))).toBeNull();
  expect(elfMachine(new TextEncoder().encode("#!/bin/sh\nexit 0 # no ELF"))).toBeNull();
});

function elfHeader(machine: number): Uint8Array {
  const header = new Uint8Array(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header[18] = machine;
  return header;
}

/** Without GIT_DIR and the like, which a git hook sets: they would lead to this repository. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")),
);

async function run(command: string[], cwd: string) {
  const child = Bun.spawn(command, {
    cwd,
    env: { ...ENVIRONMENT, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { exitCode, stdout, stderr };
}

test("checksums can be checked with sha256sum, which notices a changed file", async () => {
  const folder = tempFolder("checksums");
  await Bun.write(join(folder, "a"), "It's a file");
  await Bun.write(join(folder, "b"), new Uint8Array(3_000_000));
  await Bun.write(join(folder, "SHA256SUMS"), await checksums(folder, ["a", "b"]));
  const check = () => run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], folder);
  expect(await check()).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  await Bun.write(join(folder, "a"), "It's a File");
  expect((await check()).exitCode).toBe(1);
});

describe("bun run release", () => {
  const repository = tempFolder("release");
  const release = (...args: string[]) =>
    run([process.execPath, join(ROOT, "release.ts"), ...args], repository);
  const git = async (...words: string[]) => (await run(["git", ...words], repository)).stdout;
  const read = (name: string) => Bun.file(join(repository, name)).text();
  const built = (name: string) => Bun.file(join(repository, "dist/release", name));

  /** Makes for this machine a program that says its version, for others only a header. */
  const BUILD = `
    import manifest from "./package.json" with { type: "json" };
    const valueOf = (option) => process.argv[process.argv.indexOf(option) + 1];
    if (process.argv.includes("--sdk")) {
      const { name, version } = manifest;
      await Bun.write(valueOf("--sdk") + "/package.json", JSON.stringify({ name, version }));
    } else if (valueOf("--target") === "bun-linux-" + process.arch) {
      await Bun.write("main.ts", "console.log(" + JSON.stringify(manifest.said ?? manifest.version) + ")");
      const { success } = await Bun.build({
        entrypoints: ["main.ts"],
        compile: { outfile: valueOf("--outfile") },
      });
      process.exit(success ? 0 : 1);
    } else {
      const header = new Uint8Array(64);
      header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
      header[18] = manifest.machine ?? (valueOf("--target") === "bun-linux-arm64" ? 0xb7 : 0x3e);
      await Bun.write(valueOf("--outfile"), header);
    }`;
  const MANIFEST = '{\n  "name": "fluxhook",\n  "version": "0.1.0"\n}\n';

  beforeAll(async () => {
    await Bun.write(join(repository, "package.json"), MANIFEST);
    await Bun.write(join(repository, "build.ts"), BUILD);
    await Bun.write(join(repository, "CHANGELOG.md"), `${HEAD}\n${ADDED}\n`);
    await Bun.write(join(repository, ".gitignore"), "dist/\n");
    await git("init", "--quiet");
    await git("config", "user.name", "Maintainer");
    await git("config", "user.email", "maintainer@example.com");
    await git("add", ".");
    await git("commit", "--quiet", "--message", "first");
  });

  test.each([
    [[]],
    [["0.1.0", "0.2.0"]],
    [["0.1.0", "--force"]],
    [["0.1.0", "--tag", "--dry-run"]],
  ])("prints its usage for wrong arguments: %p", async (args) => {
    expect(await release(...args)).toEqual({ exitCode: 2, stdout: "", stderr: `${USAGE}\n` });
  });

  test("refuses an uncommitted file and builds nothing", async () => {
    await Bun.write(join(repository, "new.ts"), "");
    const { exitCode, stderr } = await release("0.1.0");
    await Bun.file(join(repository, "new.ts")).delete();
    expect(stderr).toContain("?? new.ts");
    expect(exitCode).toBe(1);
    expect(await built("0.1.0/SHA256SUMS").exists()).toBe(false);
  });

  test("with --dry-run builds every file and changes nothing in the repository", async () => {
    const { exitCode, stderr } = await release("0.2.0-rc.1", "--dry-run");
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    const sums = await built("0.2.0-rc.1/SHA256SUMS").text();
    const names = TARGETS.map(({ name }) => binaryName("0.2.0-rc.1", name));
    const listed = sums.trimEnd().split("\n");
    expect(listed.map((line) => line.split("  ")[1] ?? "")).toEqual([
      ...names,
      sdkName("0.2.0-rc.1"),
    ]);
    expect(await built("0.2.0-rc.1/CHANGES.md").text()).toBe(`${ADDED}\n`);
    const folder = join(repository, "dist/release/0.2.0-rc.1");
    const check = await run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], folder);
    expect(check.exitCode).toBe(0);
    const own = TARGETS.find(({ arch }) => arch === process.arch)?.name ?? "";
    const { stdout } = await run([join(folder, binaryName("0.2.0-rc.1", own))], folder);
    expect(stdout).toBe("0.2.0-rc.1\n");
    expect(await git("status", "--porcelain")).toBe("");
    expect(await git("tag", "--list")).toBe("");
    expect(await read("package.json")).toBe(MANIFEST);
  }, 60_000);

  test.each([
    ["reports another version", '"said": "0.0.9"', "says that it is 0.0.9"],
    ["is for another machine", '"machine": 8', "is for machine 8"],
  ])(
    "stops before it changes anything if an executable %s",
    async (_, line, problem) => {
      await Bun.write(join(repository, "package.json"), MANIFEST.replace("\n}", `,\n  ${line}\n}`));
      await git("commit", "--quiet", "--all", "--message", "another build");
      const { exitCode, stderr } = await release("0.1.0", "--tag");
      expect(await git("log", "-1", "--format=%s")).toBe("another build\n");
      expect(await git("tag", "--list")).toBe("");
      await git("reset", "--quiet", "--hard", "HEAD^");
      expect(stderr).toContain(problem);
      expect(exitCode).toBe(1);
    },
    60_000,
  );

  test("without --tag changes the two files and leaves the commit to the maintainer", async () => {
    expect((await release("0.2.0")).exitCode).toBe(0);
    expect(await git("status", "--porcelain")).toBe(" M CHANGELOG.md\n M package.json\n");
    expect(await read("package.json")).toBe(MANIFEST.replace("0.1.0", "0.2.0"));
    expect(await git("tag", "--list")).toBe("");
    await git("checkout", "--quiet", ".");
  }, 60_000);

  test("with --tag commits the two files and tags the commit, once", async () => {
    expect((await release("0.2.0", "--tag")).exitCode).toBe(0);
    expect(await git("status", "--porcelain")).toBe("");
    expect(await git("log", "-1", "--format=%s", "v0.2.0")).toBe("release: 0.2.0\n");
    expect(await read("CHANGELOG.md")).toMatch(/^## \[0\.2\.0\] - \d{4}-\d\d-\d\d$/m);
    const { exitCode, stderr } = await release("0.2.0", "--tag");
    expect(stderr).toContain("the tag v0.2.0 exists already");
    expect(exitCode).toBe(1);
  }, 60_000);
});
