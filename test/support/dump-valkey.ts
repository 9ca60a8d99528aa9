// Everything that stands in a Valkey, key by key, as text.
import type { Redis } from "iovalkey";

/** `[key, all that it holds]`; bytes as latin1, so that none is lost. */
export async function dumpValkey(redis: Redis): Promise<[key: string, text: string][]> {
  const dumped: [string, string][] = [];
  for (const key of await redis.keys("*")) {
    dumped.push([key, `${key}\n${flat(await read(redis, key))}`]);
  }
  return dumped;
}

async function read(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case "string":
      return redis.getBuffer(key);
    case "list":
      return redis.lrangeBuffer(key, 0, -1);
    case "hash":
      return redis.callBuffer("HGETALL", [key]);
    case "set":
      return redis.smembersBuffer(key);
    case "zset":
      return redis.callBuffer("ZRANGE", [key, "0", "-1", "WITHSCORES"]);
    case "stream":
      return redis.callBuffer("XRANGE", [key, "-", "+"]);
    case "none":
      return "";
    default:
      throw new Error(`${key} holds a ${type}, which is not dumped`);
  }
}

function flat(value: unknown): string {
  if (Array.isArray(value)) return value.map(flat).join("\n");
  return Buffer.isBuffer(value) ? value.toString("latin1") : String(value);
}
