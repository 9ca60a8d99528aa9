// There is no container engine where the tests run; what can be held without one is held here.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import manifest from "../../package.json" with { type: "json" };
import { SETTINGS, variablesOf, type SettingName } from "../../src/config/settings.ts";
import { parseDuration } from "../../src/wire/duration.ts";

const ROOT = join(import.meta.dir, "../..");
const read = (name: string) => Bun.file(join(ROOT, name)).text();

const service = z.object({
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
  volumes: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  secrets: z.array(z.string()).optional(),
  stop_grace_period: z.string(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()),
});
const compose = z
  .object({
    services: z.object({ valkey: service, fluxhook: service }),
    volumes: z.record(z.string(), z.null()),
    secrets: z.record(z.string(), z.object({ file: z.string() })),
  })
  .parse(Bun.YAML.parse(await read("compose.yaml")));
const { valkey, fluxhook } = compose.services;

describe("compose.yaml", () => {
  test("gives Fluxhook longer to stop than it takes to drain", () => {
    const graceMs = parseDuration(fluxhook.stop_grace_period) ?? 0;
    expect(graceMs).toBeGreaterThan(parseDuration(SETTINGS.SHUTDOWN_GRACE.fallback ?? "") ?? 0);
  });

  test.each([
    ["--appendonly", "yes"],
    ["--appendfsync", "everysec"],
    ["--maxmemory-policy", "noeviction"],
  ])("runs Valkey with %s %s", (option, value) => {
    const command = valkey.command ?? [];
    expect(command[command.indexOf(option) + 1]).toBe(value);
  });

  test("keeps Valkey's data in a named volume", () => {
    const [name = "", path] = (valkey.volumes?.[0] ?? "").split(":");
    expect(path).toBe("/data");
    expect(Object.keys(compose.volumes)).toContain(name);
  });

  test("starts Fluxhook when Valkey answers", () => {
    expect(valkey.healthcheck?.test).toEqual(["CMD", "valkey-cli", "-e", "ping"]);
    expect(fluxhook.depends_on).toEqual({ valkey: { condition: "service_healthy" } });
  });

  test("names only settings that exist, and reads each secret from a file that it mounts", () => {
    const environment = fluxhook.environment ?? {};
    const variables = new Set((Object.keys(SETTINGS) as SettingName[]).flatMap(variablesOf));
    expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([]);
    const files = Object.entries(environment).filter(([name]) => name.endsWith("_FILE"));
    expect(files.map(([name]) => name)).toEqual([
      "FLUXHOOK_API_TOKEN_FILE",
      "FLUXHOOK_SECRET_KEY_FILE",
    ]);
    expect(files.map(([, path]) => path)).toEqual(
      (fluxhook.secrets ?? []).map((name) => `/run/secrets/${name}`),
    );
    expect(Object.entries(compose.secrets)).toEqual(
      (fluxhook.secrets ?? []).map((name) => [name, { file: `./secrets/${name}` }]),
    );
  });

  test("keeps the files of its secrets out of the repository and the image", async () => {
    expect((await read(".gitignore")).split("\n")).toContain("secrets/");
    expect((await read(".dockerignore")).split("\n")).toContain("*");
  });

  test("publishes the API on the loopback, at its default port", () => {
    const port = SETTINGS.PORT.fallback;
    expect(fluxhook.ports).toEqual([`127.0.0.1:${port}:${port}`]);
  });

  test("takes from Fluxhook what it does not need", () => {
    expect(fluxhook.read_only).toBe(true);
    expect(fluxhook.cap_drop).toEqual(["ALL"]);
    expect(fluxhook.security_opt).toContain("no-new-privileges:true");
  });
});

const dockerfile = await read("Dockerfile");

describe("Dockerfile", () => {
  const last = dockerfile.split(/^FROM /m).at(-1) ?? "";

  test("runs as a number that is not root", () => {
    expect(Number(/^USER (\d+)/m.exec(last)?.[1])).toBeGreaterThan(0);
  });

  test("listens on every address, at the port that it exposes", () => {
    expect(last).toContain("\nENV FLUXHOOK_HOST=0.0.0.0\n");
    expect(last).toContain(`\nEXPOSE ${SETTINGS.PORT.fallback}\n`);
  });

  test("stops by the signal that drains, and checks its health without a shell", () => {
    expect(last).toContain("\nSTOPSIGNAL SIGTERM\n");
    expect(last).toContain('CMD ["/fluxhook", "health"]\n');
    expect(last).toContain('\nENTRYPOINT ["/fluxhook"]\n');
  });

  test("builds with the Bun that package.json names", () => {
    expect(manifest.packageManager).toBe(`bun@${manifest.engines.bun}`);
    expect(dockerfile).toContain("require('./package.json').packageManager");
  });

  test("copies only what .dockerignore lets in", async () => {
    const allowed = (await read(".dockerignore"))
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, sources = ""]) => sources.split(" "),
    );
    expect(copied.toSorted()).toEqual(allowed.toSorted());
  });
});
