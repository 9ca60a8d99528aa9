import { expect, test } from "bun:test";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { locateValkey } from "../../src/local-valkey/locate.ts";
import { NoValkeyError } from "../../src/local-valkey/install.ts";
import { tempFolder } from "../support/valkey.ts";

async function fakeProgram(folder: string, name: string, script: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

test("locateValkey takes the valkey-server on PATH", async () => {
  const bin = tempFolder("bin");
  const serverPath = await fakeProgram(bin, "valkey-server", "echo Valkey server v=9.1.2 sha=0");
  const install = await locateValkey({ env: { PATH: bin, HOME: tempFolder("home") } });
  expect(install).toEqual({ serverPath, cliPath: null, env: {}, version: "9.1.2" });
});

test.each([
  ["nothing on PATH", null],
  ["only a redis-server on PATH", "redis-server"],
])("locateValkey explains how to get a Valkey with %s", async (_, program) => {
  const bin = tempFolder("bin");
  if (program) await fakeProgram(bin, program, "echo Redis server v=7.2.4 sha=0");

  const located = locateValkey({ env: { PATH: bin, HOME: tempFolder("home") } });

  const error = await located.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NoValkeyError);
  const { message } = error as NoValkeyError;
  for (const way of ["apt install", "brew install", "dnf", "apk add", "docker run"]) {
    expect(message).toContain(way);
  }
  expect(message).toContain("FLUXHOOK_VALKEY_URL=");
});

test("locateValkey reports why it skips a valkey-server that does not run", async () => {
  const bin = tempFolder("bin");
  await fakeProgram(bin, "valkey-server", "echo liblzf.so.1: not found >&2; exit 127");
  const lines: string[] = [];

  const located = locateValkey({
    env: { PATH: bin, HOME: tempFolder("home") },
    onProgress: (line) => lines.push(line),
  });

  expect(located).rejects.toBeInstanceOf(NoValkeyError);
  await located.catch(() => {});
  expect(lines.join()).toContain("does not run: liblzf.so.1: not found");
});
