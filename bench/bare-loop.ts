// What any sender costs at least: sign with Web Crypto and fetch, 64 at a time, nothing kept.
// bun bench/bare-loop.ts <url> <requests>; prints seconds and seconds of processor time.
const [url = "", count = "0"] = process.argv.slice(2);
const key = await crypto.subtle.importKey(
  "raw",
  new TextEncoder().encode("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign"],
);
const body = new TextEncoder().encode(JSON.stringify({ id: "evt_1", data: "x".repeat(1_000) }));
let left = Number(count);

async function send(): Promise<void> {
  while (left-- > 0) {
    const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, body));
    await fetch(url, { method: "POST", body, headers: { "X-Signature": signature.toHex() } });
  }
}

const startedAt = performance.now();
const before = process.cpuUsage();
await Promise.all(Array.from({ length: 64 }, send));
const { user, system } = process.cpuUsage(before);
console.log((performance.now() - startedAt) / 1_000, (user + system) / 1e6);
