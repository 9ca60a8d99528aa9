import { afterEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";

import { startLocalValkey } from "../../src/local-valkey/start.ts";
import { pingValkey } from "../../src/local-valkey/ping.ts";
import { eventually } from "../support/eventually.ts";
import { ownValkey, tempFolder, testRedis } from "../support/valkey.ts";

describe("a local Valkey", () => {
  test("a local Valkey is ready, append-only and without eviction once it has started", async () => {
    const valkey = await ownValkey();
    const redis = await testRedis(valkey.url);
    expect(await redis.info("persistence")).toContain("aof_enabled:1");
    expect(await redis.config("GET", "maxmemory-policy")).toEqual([
      "maxmemory-policy",
      "noeviction",
    ]);
    expect(valkey.version).toMatch(/^\d+\.\d+\.\d+$/);
    redis.disconnect();
    await valkey.stop();
  });

  test("a local Valkey has all acknowledged writes after a SIGKILL, on the same port", async () => {
    const valkey = await ownValkey();
    const { port, pid } = valkey;
    const before = await testRedis(valkey.url);
    await before.set("kept", "yes");
    before.disconnect();

    valkey.signal("SIGKILL");
    await valkey.exited;
    await valkey.restart();

    expect(valkey.port).toBe(port);
    expect(valkey.pid).not.toBe(pid);
    const after = await testRedis(valkey.url);
    expect(await after.get("kept")).toBe("yes");
    after.disconnect();
    await valkey.stop();
  });

  test("a local Valkey can be restarted while it runs", async () => {
    const valkey = await ownValkey();
    await valkey.restart();
    expect(await pingValkey(valkey.port)).toEqual({ status: "ready", pid: valkey.pid });
    await valkey.stop();
  });

  test("a local Valkey stops even if it is frozen", async () => {
    const valkey = await ownValkey();
    valkey.signal("SIGSTOP");
    await valkey.stop();
    expect(await pingValkey(valkey.port)).toEqual({ status: "not-ready" });
  });

  test("a local Valkey does not start on the folder of a running one", async () => {
    const valkey = await ownValkey();
    expect(startLocalValkey({ dataDir: valkey.dataDir })).rejects.toThrow(
      `is in use by the Valkey at 127.0.0.1:${valkey.port}`,
    );
    await valkey.stop();

    const next = await startLocalValkey({ dataDir: valkey.dataDir });
    await next.stop();
  });

  test("a local Valkey reports that its port is taken, by another Valkey or another program", async () => {
    const other = await ownValkey();
    expect(ownValkey({ port: other.port })).rejects.toThrow(`port ${other.port} of 127.0.0.1`);

    const listening = Promise.withResolvers<void>();
    const server = createServer((socket) => socket.destroy());
    server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(ownValkey({ port })).rejects.toThrow("is taken");
    server.close();
    await other.stop();
  });

  test("a local Valkey that does not start reports its last log lines", async () => {
    expect(ownValkey({ extraArgs: ["--no-such-option", "1"] })).rejects.toThrow(
      /did not start.*\n.*no-such-option/s,
    );
  });
});

describe("the process that started a Valkey", () => {
  const script = `
    const { startLocalValkey } = await import(process.argv[1]);
    process.on("SIGINT", () => console.log("interrupted"));
    const valkey = await startLocalValkey({ dataDir: process.argv[2] });
    console.log(valkey.port);
    setInterval(() => {}, 1_000);`;

  const parents: Bun.Subprocess[] = [];
  afterEach(() => {
    for (const parent of parents.splice(0)) parent.kill("SIGKILL");
  });

  async function startParent() {
    const source = join(import.meta.dir, "../../src/local-valkey/start.ts");
    const dataDir = tempFolder("parent");
    const parent = Bun.spawn(["bun", "-e", script, source, dataDir], {
      // In its own process group, like a job in a terminal.
      detached: true,
      stdout: "pipe",
    });
    parents.push(parent);
    const reader = parent.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const nextLine = async () => (await reader.read()).value?.trim();
    const port = Number(await nextLine());
    expect((await pingValkey(port)).status).toBe("ready");
    return { parent, nextLine, port, log: Bun.file(join(dataDir, "valkey.log")) };
  }

  test("a local Valkey dies with a process that is killed with SIGKILL", async () => {
    const { parent, port } = await startParent();
    parent.kill("SIGKILL");
    await eventually(async () => (await pingValkey(port)).status === "not-ready");
  });

  test("a local Valkey survives Ctrl-C until its process has drained", async () => {
    const { parent, nextLine, port, log } = await startParent();

    process.kill(-parent.pid, "SIGINT");

    expect(await nextLine()).toBe("interrupted");
    expect((await pingValkey(port)).status).toBe("ready");
    // Valkey handles a signal before a later PING; it would shut down a moment later.
    expect(await log.text()).not.toContain("SIGINT");

    parent.kill("SIGKILL");
    await eventually(async () => (await pingValkey(port)).status === "not-ready");
  });
});
