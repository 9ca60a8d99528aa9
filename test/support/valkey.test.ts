import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { pingValkey } from "../../src/local-valkey/ping.ts";
import { eventually } from "./eventually.ts";
import { freshPrefix, sharedValkey, testRedis } from "./valkey.ts";

test("all tests share one server, and the test client is connected to it", async () => {
  const [one, two] = await Promise.all([sharedValkey(), sharedValkey()]);
  expect(one).toBe(two);
  const redis = await testRedis(one.url);
  const key = `${freshPrefix()}:key`;
  await redis.set(key, "1");
  expect(await redis.get(key)).toBe("1");
  redis.disconnect();
});

test("no two prefixes are the same", () => {
  expect(freshPrefix()).not.toBe(freshPrefix());
});

test.each(["", "process.kill(process.pid, 'SIGKILL')", "process.abort()"])(
  "neither server nor data outlive a test run that ends by %j",
  async (end) => {
    const script = `
      const { sharedValkey } = await import(process.argv[1]);
      const { port, dataDir } = await sharedValkey();
      process.stdout.write(port + " " + dataDir + "\\n", () => { ${end} });`;
    const run = Bun.spawn(["bun", "-e", script, join(import.meta.dir, "valkey.ts")], {
      stdout: "pipe",
      stderr: "ignore",
    });
    const [port = "", dataDir = ""] = (await run.stdout.text()).trim().split(" ");
    expect(dataDir).not.toBe("");
    await eventually(async () => {
      expect((await pingValkey(Number(port))).status).toBe("not-ready");
      expect(existsSync(dataDir)).toBeFalse();
    });
  },
);
