// The worker that many users would write by hand: BLPOP, one signature, one request, the log. It has
// no retries and no guard, and a crash loses what it has popped.
import { createHmac, randomUUID } from "node:crypto";
import { Redis } from "iovalkey";
import { eachMessage, say } from "../child.ts";

const TIMEOUT_MS = 10_000;
const LOG_SIZE = 10;
const LOG_TTL_S = 7 * 86_400;

interface Config {
  valkey_url: string;
  queue: string;
  secret: string;
  /** Owner → the URLs of its webhooks. */
  webhooks: Record<string, string[]>;
}

async function work({ valkey_url, queue, secret, webhooks }: Config): Promise<void> {
  // BLPOP blocks its connection, so the log has one of its own.
  const source = new Redis(valkey_url);
  const log = new Redis(valkey_url);
  const deliver = async (owner: string, event: string, url: string, body: string) => {
    const startedAt = performance.now();
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Fluxdrop-Event": event,
        "X-Fluxdrop-Timestamp": `${Math.floor(Date.now() / 1_000)}`,
        "X-Fluxdrop-Signature": createHmac("sha256", secret).update(body).digest("hex"),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.arrayBuffer();
    const { status } = response;
    const ms = Math.round(performance.now() - startedAt);
    const entry = JSON.stringify({ at: new Date().toISOString(), event, url, status, ms });
    const key = `log:${owner}`;
    const lists = log
      .multi()
      .lpush(key, entry)
      .ltrim(key, 0, LOG_SIZE - 1);
    await lists.expire(key, LOG_TTL_S).exec();
  };
  await Promise.all([source.ping(), log.ping()]);
  say({ ready: true });
  for (;;) {
    const [, element = ""] = (await source.blpop(queue, 0)) ?? [];
    const { user_id, event, data } = JSON.parse(element) as Record<string, string>;
    const timestamp = new Date().toISOString();
    const body = JSON.stringify({ id: randomUUID(), event, timestamp, data });
    for (const url of webhooks[user_id ?? ""] ?? []) {
      deliver(user_id ?? "", event ?? "", url, body).catch(console.error);
    }
  }
}

await eachMessage((message) => void work(message as unknown as Config));
