// A Chromium for the browser tests: the machine's own, or Debian's package with all that it needs,
// unpacked without root into the cache. Where neither is to be had, the tests are skipped and say why.
import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fetchPackages } from "./debian-packages.ts";

export interface Chromium {
  path: string;
  env: Record<string, string>;
}

export type FoundChromium = { chromium: Chromium } | { missing: string };

// Fonts too, since a page without any has no text.
const PACKAGES = ["chromium", "fonts-dejavu-core"];
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const CACHE = join(
  process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
  "fluxhook",
  "test",
  "chromium",
);

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
  const failure = await fetchPackages(CACHE, PACKAGES);
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
