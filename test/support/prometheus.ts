// A Prometheus with its promtool: the machine's own, or Debian's package, unpacked without root into the cache.
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fetchPackages } from "./debian-packages.ts";

export interface Prometheus {
  server: string;
  promtool: string;
}

export type FoundPrometheus = { prometheus: Prometheus } | { missing: string };

const CACHE = join(
  process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
  "fluxhook",
  "test",
  "prometheus",
);

/** `FLUXHOOK_TEST_PROMETHEUS=none` goes without. */
export async function locatePrometheus(): Promise<FoundPrometheus> {
  if (process.env.FLUXHOOK_TEST_PROMETHEUS === "none") {
    return { missing: "FLUXHOOK_TEST_PROMETHEUS says none" };
  }
  const server = Bun.which("prometheus");
  const promtool = Bun.which("promtool");
  if (server && promtool) return { prometheus: { server, promtool } };
  const bin = join(CACHE, "usr", "bin");
  const cached = { server: join(bin, "prometheus"), promtool: join(bin, "promtool") };
  const isThere = () => Bun.file(cached.promtool).exists();
  if (await isThere()) return { prometheus: cached };
  await mkdir(join(CACHE, ".."), { recursive: true });
  console.log("fetching Prometheus from the distribution's packages…");
  const failure = await fetchPackages(CACHE, ["prometheus"]);
  if (await isThere()) return { prometheus: cached };
  return { missing: failure ?? "the package holds none" };
}
