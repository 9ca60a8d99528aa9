// Fetches packages of Debian or Ubuntu with all that they need, and unpacks them into a folder, without root.
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const STEP_LIMIT_MS = 300_000;

async function installedPackages(): Promise<string[]> {
  const child = Bun.spawn(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n"]);
  const lines = (await child.stdout.text()).split("\n");
  return lines.filter((line) => line.endsWith(" ii ")).map((line) => line.split(" ")[0] ?? "");
}

/** Returns why it failed, or null. The folder appears whole or not at all. */
export async function fetchPackages(
  folder: string,
  wanted: readonly string[],
): Promise<string | null> {
  if (!Bun.which("apt-get") || !Bun.which("dpkg")) return "there is no apt-get to fetch it with";
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
    const planned = await run("apt-get", "install", "-s", ...wanted);
    const there = new Set(await installedPackages());
    const packages = [...planned.output.matchAll(/^Inst (\S+) \(/gm)]
      .map(([, name = ""]) => name)
      // The C library must be the one of the machine's own loader.
      .filter((name) => !there.has(name) && name !== "libc6");
    if (!planned.ok || packages.length === 0) {
      return `apt-get finds no ${wanted[0]}: ${planned.errors.trim()}`;
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
