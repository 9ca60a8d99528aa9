// A Chromium for the browser tests: the machine's own, or Debian's package with all that it needs,
// unpacked without root into the cache. Where neither is to be had, the tests are skipped and say why.
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Chromium {
  path: string;
  env: Record<string, string>;
}

export type FoundChromium = { chromium: Chromium } | { missing: string };

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const CACHE = join(
  process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
  "fluxhook",
  "test",
  "chromium",
);
const STEP_LIMIT_MS = 300_000;

/** `FLUXHOOK_TEST_CHROMIUM` names one, or says `none`. */
export async function locateChromium(): Promise<FoundChromium> {
  const named = process.env.FLUXHOOK_TEST_CHROMIUM;
  if (named === "none") return { missing: "FLUXHOOK_TEST_CHROMIUM says none" };
  const installed = named ?? NAMES.map((name) => Bun.which(name)).find((path) => path !== null);
  if (installed) return { chromium: { path: installed, env: {} } };
  const cached = await unpacked(CACHE);
  if (cached) return { chromium: cached };
  if (!Bun.which("apt-get") || !Bun.which("dpkg")) {
    return { missing: "no Chromium is installed, and there is no apt-get to fetch one with" };
  }
  console.log("fetching Chromium from the distribution's packages…");
  const failure = await fetchPackages(CACHE);
  const fetched = await unpacked(CACHE);
  return fetched ? { chromium: fetched } : { missing: failure ?? "the package holds none" };
}

async function unpacked(folder: string): Promise<Chromium | null> {
  const path = join(folder, "usr", "lib", "chromium", "chromium");
  if (!(await Bun.file(path).exists())) return null;
  const libraries = await libraryFolders(folder);
  return {
    path,
    env: {
      LD_LIBRARY_PATH: libraries.join(":"),
      FONTCONFIG_PATH: join(folder, "etc", "fonts"),
      // Where fontconfig looks for fonts besides the system's.
      XDG_DATA_HOME: join(folder, "usr", "share"),
    },
  };
}

/** Libraries lie below the machine's multiarch name, some in a folder of their own there. */
async function libraryFolders(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const root of ["lib", "usr/lib"]) {
    for (const name of await readdir(join(folder, root)).catch(() => [])) {
      if (!name.includes("-linux-")) continue;
      const multiarch = join(folder, root, name);
      found.push(multiarch, join(multiarch, "nss"), join(multiarch, "pulseaudio"));
    }
  }
  return found;
}

async function installedPackages(): Promise<string[]> {
  const child = Bun.spawn(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n"]);
  const lines = (await child.stdout.text()).split("\n");
  return lines.filter((line) => line.endsWith(" ii ")).map((line) => line.split(" ")[0] ?? "");
}

/** Returns why it failed, or null. The folder appears whole or not at all. */
async function fetchPackages(folder: string): Promise<string | null> {
  const work = `${folder}.tmp-${crypto.randomUUID()}`;
  const root = join(work, "root");
  await Promise.all(
    ["root", "lists/partial", "cache/partial"].map((name) =>
      mkdir(join(work, name), { recursive: true }),
    ),
  );
  const config = join(work, "apt.conf");
  // The machine's sources; lists and archives are our own. As if nothing were installed: a half-installed
  // package of the machine's must not stop it.
  await Bun.write(
    config,
    `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State::Lists "${join(work, "lists")}";
Dir::State::status "/dev/null";
Dir::Cache "${join(work, "cache")}";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Debug::NoLocking "true";
`,
  );
  const run = async (...command: string[]) => {
    const child = Bun.spawn(command, {
      cwd: work,
      env: { ...process.env, LC_ALL: "C", APT_CONFIG: config },
      stdin: "ignore",
      stderr: "pipe",
      timeout: STEP_LIMIT_MS,
    });
    const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { ok: (await child.exited) === 0, output, errors };
  };
  try {
    await run("apt-get", "update");
    // Fonts too, since a page without any has no text.
    const planned = await run("apt-get", "install", "-s", "chromium", "fonts-dejavu-core");
    const there = new Set(await installedPackages());
    const packages = [...planned.output.matchAll(/^Inst (\S+) \(/gm)]
      .map(([, name = ""]) => name)
      // The C library must be the one of the machine's own loader.
      .filter((name) => !there.has(name) && name !== "libc6");
    if (!planned.ok || packages.length === 0) {
      return `apt-get finds no chromium: ${planned.errors.trim()}`;
    }
    const downloaded = await run("apt-get", "download", ...packages);
    if (!downloaded.ok) return `the download failed: ${downloaded.errors.trim()}`;
    for (const name of await readdir(work)) {
      if (name.endsWith(".deb")) await run("dpkg", "-x", name, root);
    }
    await rename(root, folder).catch(() => {});
    return null;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
