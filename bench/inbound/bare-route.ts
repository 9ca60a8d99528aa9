// A process of its own: the least that a receiver of signed webhooks does. A Hono route that verifies the HMAC of
// the raw body, parses it and answers.
import { timingSafeEqual } from "node:crypto";
import { Hono } from "hono";

const [secret = ""] = process.argv.slice(2);
const key = new TextEncoder().encode(secret);
const app = new Hono();

app.post("/api/webhooks/:id", async (c) => {
  const body = new Uint8Array(await c.req.arrayBuffer());
  const given = Buffer.from(c.req.header("x-webhook-signature") ?? "", "hex");
  const expected = new Bun.CryptoHasher("sha256", key).update(body).digest();
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    return c.body(null, 401);
  JSON.parse(new TextDecoder().decode(body));
  return c.json({ success: true, executionId: `exec-${crypto.randomUUID()}` });
});

// Where the `http` nodes of the workflows send to.
app.post("/node", (c) => c.json({ ok: true }));

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
console.log(server.url.href);
