// Downloads from a repository on disk whose packages contain a script instead of Valkey. apt-get and dpkg
// are real; the network is not needed.
import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { DebianRelease } from "../../src/local-valkey/debian-release.ts";
import { fetchDebianValkey } from "../../src/local-valkey/fetch-from-apt.ts";
import { tempFolder } from "../support/valkey.ts";

const RELEASE: DebianRelease = { distribution: "Debian", codename: "bookworm", key: "bookworm" };
const hasApt = Bun.which("apt-get") !== null && Bun.which("dpkg-deb") !== null;

/** The test's repository is not signed. */
const UNSIGNED = `Acquire::AllowInsecureRepositories "true";
APT::Get::AllowUnauthenticated "true";
`;

/** Returns the apt folder of a system whose only mirror is a new repository with these packages. */
async function machineWith(suites: Record<string, { name: string; server?: string }[]>) {
  const repository = tempFolder("repository");
  const architecture = (await Bun.$`dpkg --print-architecture`.text()).trim();
  for (const [suite, packages] of Object.entries(suites)) {
    let index = "";
    for (const { name, server } of packages) {
      const control = `Package: ${name}\nVersion: 8.0.1\nArchitecture: ${architecture}\nMaintainer: Test <test@example.com>\nDescription: test\n`;
      const tree = tempFolder("package");
      await mkdir(join(tree, "DEBIAN"));
      await writeFile(join(tree, "DEBIAN", "control"), control);
      if (server !== undefined) {
        await mkdir(join(tree, "usr", "bin"), { recursive: true });
        await writeFile(join(tree, "usr", "bin", "valkey-server"), `#!/bin/sh\n${server}\n`);
        await chmod(join(tree, "usr", "bin", "valkey-server"), 0o755);
      }
      const file = `${suite}-${name}.deb`;
      await Bun.$`dpkg-deb -b ${tree} ${join(repository, file)}`.quiet();
      const bytes = await Bun.file(join(repository, file)).bytes();
      const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
      index += `${control}Filename: ${file}\nSize: ${bytes.length}\nSHA256: ${sha256}\n\n`;
    }
    const folder = join(repository, "dists", suite, "main", `binary-${architecture}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "Packages"), index);
  }
  const aptFolder = tempFolder("apt");
  await writeFile(
    join(aptFolder, "sources.list"),
    `deb [trusted=yes] file:${repository} bookworm main\n`,
  );
  await writeFile(join(aptFolder, "apt.conf"), UNSIGNED);
  return aptFolder;
}

function fetchInto(folder: string, aptFolder: string, env: Record<string, string> = {}) {
  const lines: string[] = [];
  const fetched = fetchDebianValkey({
    folder,
    release: RELEASE,
    env: { ...process.env, APT_CONFIG: join(aptFolder, "apt.conf"), ...env },
    aptFolder,
    onProgress: (line) => lines.push(line),
  });
  return { fetched, lines };
}

const VALKEY = { name: "valkey-server", server: "echo Valkey server v=8.0.1 sha=0" };

describe.skipIf(!hasApt)("downloading Debian's Valkey", () => {
  test.each([
    ["the release itself", { bookworm: [VALKEY, { name: "liblzf1" }] }],
    ["the backports", { bookworm: [{ name: "liblzf1" }], "bookworm-backports": [VALKEY] }],
  ])("the download takes Valkey from %s", async (_, suites) => {
    const folder = join(tempFolder("cache"), "bookworm");
    const { fetched, lines } = fetchInto(folder, await machineWith(suites));

    expect(await fetched).toMatchObject({
      status: "fetched",
      install: { serverPath: join(folder, "usr/bin/valkey-server"), version: "8.0.1" },
    });
    expect(lines[0]).toBe("downloading valkey-server from Debian's packages…");
    expect(await readdir(dirname(folder))).toEqual(["bookworm"]);
  });

  test("concurrent downloads all succeed and leave one folder", async () => {
    const folder = join(tempFolder("cache"), "bookworm");
    const aptFolder = await machineWith({ bookworm: [VALKEY] });

    const all = await Promise.all([1, 2, 3].map(() => fetchInto(folder, aptFolder).fetched));

    expect(all.map(({ status }) => status)).toEqual(["fetched", "fetched", "fetched"]);
    expect(await readdir(dirname(folder))).toEqual(["bookworm"]);
  });

  test("the download replaces a Valkey that no longer runs", async () => {
    const folder = join(tempFolder("cache"), "bookworm");
    await mkdir(join(folder, "usr", "bin"), { recursive: true });
    await writeFile(join(folder, "usr", "bin", "valkey-server"), "cut off");
    const { fetched } = fetchInto(folder, await machineWith({ bookworm: [VALKEY] }));
    expect(await fetched).toMatchObject({ status: "fetched" });
  });

  test("the download runs none of the system's apt hooks", async () => {
    const folder = join(tempFolder("cache"), "bookworm");
    const hooked = tempFolder("hooked");
    const hooks = ["Pre-Invoke", "Post-Invoke", "Post-Invoke-Success"];
    await writeFile(
      join(hooked, "apt.conf"),
      UNSIGNED +
        hooks.map((hook) => `APT::Update::${hook} {"touch ${hooked}/${hook}";};\n`).join(""),
    );
    const { fetched } = fetchInto(folder, await machineWith({ bookworm: [VALKEY] }), {
      APT_CONFIG: join(hooked, "apt.conf"),
    });
    expect(await fetched).toMatchObject({ status: "fetched" });
    expect(await readdir(hooked)).toEqual(["apt.conf"]);
  });

  test.each([
    ["no mirror has it", { bookworm: [{ name: "liblzf1" }] }, /^the mirrors of bookworm have none/],
    [
      "it does not run here",
      { bookworm: [{ ...VALKEY, server: "echo wrong libc >&2" }] },
      /does not run: wrong libc$/,
    ],
  ])("the download reports that %s, and leaves nothing", async (_, suites, reason) => {
    const folder = join(tempFolder("cache"), "bookworm");
    const { fetched } = fetchInto(folder, await machineWith(suites));
    expect(await fetched).toEqual({ status: "failed", reason: expect.stringMatching(reason) });
    expect(await readdir(dirname(folder))).toEqual([]);
  });

  test("the download removes leftovers of a killed one, but not of one in progress", async () => {
    const cache = tempFolder("cache");
    const folder = join(cache, "bookworm");
    await mkdir(`${folder}.tmp-killed`);
    await utimes(`${folder}.tmp-killed`, new Date(0), new Date(0));
    await mkdir(`${folder}.tmp-running`);
    await fetchInto(folder, await machineWith({ bookworm: [VALKEY] })).fetched;
    expect((await readdir(cache)).toSorted()).toEqual(["bookworm", "bookworm.tmp-running"]);
  });
});
