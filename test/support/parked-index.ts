// The index of parked deliveries as it has to be, computed from the parked deliveries themselves, and
// how the one in Valkey differs.
import type { Redis } from "iovalkey";
import { readItem, type DeliveryHeader } from "../../src/valkey/queue/item.ts";

/** One line for each difference; none where the index is right. `base` is the queue's tag. */
export async function indexFaults(redis: Redis, base: string): Promise<string[]> {
  const wanted = await wantedIndex(redis, base);
  const found = await foundIndex(redis, base);
  const names = new Set([...wanted.keys(), ...found.keys()]);
  return [...names].flatMap((name) => {
    const [right, is] = [wanted.get(name), found.get(name)];
    return right === is ? [] : [`${name}: is ${is ?? "missing"}, not ${right ?? "there"}`];
  });
}

async function wantedIndex(redis: Redis, base: string): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  const count = (name: string) => wanted.set(name, String(Number(wanted.get(name) ?? 0) + 1));
  const times = await sortedSet(redis, `${base}:parked`);
  const items = await redis.hgetallBuffer(`${base}:parked-items`);
  for (const [delivery, item] of Object.entries(items)) {
    const { owner, webhook_id, reason = "", event = "" } = readItem(item).header as DeliveryHeader;
    wanted.set(`parked-index ${delivery}`, [owner, webhook_id, reason, event].join("\n"));
    for (const set of [owner, webhook_id, `reason:${reason}`, `event:${event}`]) {
      wanted.set(`parked-of:${set} ${delivery}`, times.get(delivery) ?? "never");
    }
    for (const scope of ["", `:${owner}`, `:${webhook_id}`]) {
      count(`parked-counts${scope} ${reason}\n${event}`);
    }
    count(`parked-webhooks ${webhook_id}`);
  }
  return wanted;
}

async function foundIndex(redis: Redis, base: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const key of await redis.keys(`${base}:parked-*`)) {
    const name = key.slice(base.length + 1);
    if (name === "parked-items" || name === "parked-index-state") continue;
    const isSet = name.startsWith("parked-of:") || name === "parked-webhooks";
    const entries = isSet
      ? await sortedSet(redis, key)
      : new Map(Object.entries(await redis.hgetall(key)));
    for (const [field, value] of entries) found.set(`${name} ${field}`, value);
  }
  return found;
}

async function sortedSet(redis: Redis, key: string): Promise<Map<string, string>> {
  const flat = await redis.zrange(key, 0, -1, "WITHSCORES");
  const entries = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) entries.set(flat[i] ?? "", flat[i + 1] ?? "");
  return entries;
}
