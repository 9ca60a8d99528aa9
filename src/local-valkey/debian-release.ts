// Finds out which Debian or Ubuntu this is (os-release(5)).
import { readFile } from "node:fs/promises";

export interface DebianRelease {
  /** "Debian" or "Ubuntu": whose packages these are. */
  distribution: "Debian" | "Ubuntu";
  /** "bookworm", "noble" */
  codename: string;
  /** The release and the architecture, for a path. */
  key: string;
}

/** Returns null on any other system. */
export async function readDebianRelease(): Promise<DebianRelease | null> {
  try {
    return parseDebianRelease(await readFile("/etc/os-release", "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

export function parseDebianRelease(osRelease: string): DebianRelease | null {
  const field = (name: string) =>
    new RegExp(`^${name}=["']?([^"'\n]*)`, "m").exec(osRelease)?.[1] || null;
  const families = [field("ID"), ...(field("ID_LIKE")?.split(" ") ?? [])];

  // A derivative such as Linux Mint has its own code name, and the code name of its base in another field.
  const ubuntu = families.includes("ubuntu");
  const codename =
    field(ubuntu ? "UBUNTU_CODENAME" : "DEBIAN_CODENAME") ?? field("VERSION_CODENAME");
  if ((!ubuntu && !families.includes("debian")) || !codename || !/^[a-z]+$/.test(codename)) {
    return null;
  }
  const distribution = ubuntu ? "Ubuntu" : "Debian";
  return {
    distribution,
    codename,
    key: `${distribution.toLowerCase()}-${codename}-${process.arch}`,
  };
}
