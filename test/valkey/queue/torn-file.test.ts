// Valkey is killed while it writes a claim to its append-only file. The half of the step that was written
// stays in the file, and the second restart runs it (measured with 8.0.1). Nothing may be lost.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { ownValkey } from "../../support/valkey.ts";
import { QueueLab } from "./test-queue.ts";

const ELEMENTS = Array.from({ length: 60 }, (_, n) => `{"n":${n},"p":"${"x".repeat(200)}"}`);

test("a claim that is half written to the append-only file loses no element over several restarts of Valkey", async () => {
  const valkey = await ownValkey();
  const kill = async () => {
    valkey.signal("SIGKILL");
    await valkey.exited;
  };
  const file = () => {
    const folder = join(valkey.dataDir, "appendonlydir");
    const name = readdirSync(folder).find((one) => one.endsWith(".incr.aof")) ?? "";
    return join(folder, name);
  };
  let lab = await QueueLab.open(valkey.url);
  const { queue: name } = lab.queue().store;
  const open = async () => {
    lab.close();
    lab = await QueueLab.open(valkey.url);
    return lab.queue(name);
  };
  try {
    let queue = lab.queue(name);
    await queue.join("w");
    await queue.push(...ELEMENTS);
    await queue.claim("w", { number: 1, maxItems: 20 });
    await kill();
    // In the middle of the last command that writes elements to the claim.
    const bytes = readFileSync(file());
    truncateSync(file(), bytes.lastIndexOf(`"n":19,`));

    await valkey.restart();
    queue = await open();
    expect(await queue.list()).toEqual(ELEMENTS);
    await queue.claim("w", { number: 1, maxItems: 20 });
    await kill();

    await valkey.restart();
    queue = await open();
    const claims = await lab.redis.hvals(queue.store.keys.claims("w"));
    const claimed = claims.map((item) => item.slice(item.indexOf("\n") + 1));
    const kept = new Set([...claimed, ...(await queue.list())]);
    expect(ELEMENTS.filter((element) => !kept.has(element))).toEqual([]);
  } finally {
    lab.close();
    await valkey.stop();
  }
});
