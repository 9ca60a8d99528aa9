// What the pictures of the documentation show: a service that has worked for a day, with names that a reader knows the
// likes of. Only `bun run pictures` opens it; the tests of the pages have shorter and stranger data.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bucketOf } from "../../src/stats/latency.ts";
import { Link } from "../../src/valkey/connection/link.ts";
import { SeriesStore } from "../../src/valkey/history/series-store.ts";
import { sharedKeys } from "../../src/valkey/keys.ts";
import { eventually } from "./eventually.ts";
import { addressRecords, startNameServer } from "./name-server.ts";
import { pushEvents } from "./push-events.ts";
import { register } from "./serve-scene.ts";
import { startServiceProcess, type ServiceProcess } from "./service.ts";
import { ownValkey, testRedis } from "./valkey.ts";

/** What a test of the pages needs to know. */
export interface PageScene extends AsyncDisposable {
  service: ServiceProcess;
  /** The id of a webhook of u_1 that fails. */
  failing: string;
  /** A delivery to it. */
  delivery: string;
  /** A portal token of u_1. */
  portal: string;
  /** Pushes an event of u_1. */
  push(): Promise<void>;
}

const PREFIX = "fluxhook";
const QUEUE = `${PREFIX}:events`;
const NAMES = [
  "hooks.acme.example",
  "api.northwind.example",
  "events.globex.example",
  "notify.initech.example",
];
const HOUR_S = 3_600;

export async function openPictureScene(binary: string): Promise<PageScene> {
  await using opened = new AsyncDisposableStack();
  const valkey = opened.adopt(await ownValkey({ appendOnly: true }), (server) => server.stop());
  const redis = opened.adopt(await testRedis(valkey.url), (client) => client.disconnect());
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), "fluxhook-pictures-tls-")), (path) =>
    rm(path, { recursive: true }),
  );
  const names = opened.use(
    await startNameServer((question) => addressRecords(question, ["127.0.0.1"], 60)),
  );
  const { certificate, port } = await receivers(folder, opened);
  opened.use(await series(valkey.url));
  const service = opened.use(
    await startServiceProcess({
      valkeyUrl: valkey.url,
      prefix: PREFIX,
      binary,
      env: {
        FLUXHOOK_DNS_SERVERS: names.address,
        FLUXHOOK_EGRESS_CA: certificate,
        FLUXHOOK_PUBLIC_URL: "https://webhooks.example.com",
        FLUXHOOK_PORTAL_NAME: "Acme Files",
        FLUXHOOK_PORTAL_ACCENT: "#0a7d55",
      },
    }),
  );
  const at = port === 443 ? "" : `:${port}`;
  const failing = await webhooks(service, at);
  const push = (...elements: string[]) => pushEvents(valkey.url, QUEUE, elements);
  const logOf = async (owner: string) =>
    (await redis.lrange(`${PREFIX}:logs:${owner}`, 0, 9)).map(
      (text) => JSON.parse(text) as { webhook_id: string; delivery_id: string },
    );
  await push(
    event("file.created", '{"file_id":"f_2041","name":"minutes-november.pdf","bytes":184320}'),
    event("file.updated", '{"file_id":"f_2041","version":2}'),
    event("share.linked", '{"file_id":"f_1987","link":"l_88","expires_at":null}'),
    event("file.created", '{"file_id":"f_2042","name":"offer.docx","bytes":52211}'),
    '{"user_id":"u_2","event":"file.deleted","data":{"file_id":"f_7"}}',
    '{"org_id":"o_acme","event":"member.added","data":{"user_id":"u_9"}}',
    '{"user_id":"u_1","event":"file created","data":{"file_id":"f_2043"}}',
    '{"user_id":"u_1","event":"file.created","data":{"file_id":"f_2044"',
  );
  await eventually(async () => (await logOf("u_1")).length >= 6);
  await eventually(async () => (await redis.llen(`${PREFIX}:rejected`)) === 2);
  const delivery = (await logOf("u_1")).find(({ webhook_id }) => webhook_id === failing);
  await workflow(service);
  const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", { user_id: "u_1" });
  const stack = opened.move();
  return {
    service,
    failing,
    delivery: delivery?.delivery_id ?? "",
    portal: body.token,
    push: () => push(event("file.created", '{"file_id":"f_2045","name":"plan.xlsx"}')),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function event(type: string, data: string): string {
  return `{"user_id":"u_1","event":"${type}","data":${data}}`;
}

/** One server for all names: what it answers depends on the name. */
async function receivers(
  folder: string,
  opened: AsyncDisposableStack,
): Promise<{ certificate: string; port: number }> {
  const [certificate, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const names = NAMES.map((name) => `DNS:${name}`).join(",");
  const openssl = Bun.spawnSync(
    `openssl req -x509 -nodes -days 2 -subj /CN=receivers -newkey ec -pkeyopt ec_paramgen_curve:prime256v1
      -addext subjectAltName=${names} -keyout ${key} -out ${certificate}`.split(/\s+/),
  );
  if (!openssl.success) throw new Error(`no certificate was made: ${String(openssl.stderr)}`);
  const start = (port: number) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port,
      tls: { cert: Bun.file(certificate), key: Bun.file(key) },
      async fetch(request) {
        await request.bytes();
        const { hostname } = new URL(request.url);
        await Bun.sleep(hostname.length * 2);
        if (hostname === "api.northwind.example") {
          return Response.json({ error: "no space left", free: 0 }, { status: 500 });
        }
        return hostname === "notify.initech.example"
          ? new Response("unknown signature", { status: 401 })
          : new Response(null, { status: 204 });
      },
    });
  let server;
  try {
    server = start(443);
  } catch {
    server = start(0);
  }
  opened.defer(() => server.stop(true));
  return { certificate, port: server.port ?? 0 };
}

/** Returns the id of the one that fails. */
async function webhooks(service: ServiceProcess, at: string): Promise<string> {
  const user_id = "u_1";
  await register(service, {
    user_id,
    url: `https://hooks.acme.example${at}/files`,
    description: "Search index of production",
    events: ["file.*"],
  });
  const { id } = await register(service, {
    user_id,
    url: `https://api.northwind.example${at}/webhooks/files`,
    description: "Northwind, nightly sync",
    headers: { "X-Environment": "production", "X-Api-Key": "k_live_3f9a" },
    events: ["file.*", "share.linked"],
    retry_schedule: ["0s"],
  });
  await register(service, {
    user_id,
    url: `https://notify.initech.example${at}/inbound`,
    description: "Chat notices",
    events: ["share.linked"],
  });
  await register(service, {
    user_id,
    url: `https://hooks.acme.example${at}/staging`,
    description: "Staging",
    enabled: false,
  });
  await register(service, { user_id: "u_2", url: `https://events.globex.example${at}/files` });
  await register(service, {
    org_id: "o_acme",
    url: `https://events.globex.example${at}/members`,
    description: "Directory sync",
    events: ["member.*"],
  });
  return id;
}

async function workflow(service: ServiceProcess): Promise<void> {
  const made = await service.api("POST", "/v1/workflows", {
    id: "orders",
    name: "Order intake",
    nodes: [
      { id: "large", name: "Large order?", type: "if", condition: "trigger.data.amount > 1000" },
      {
        id: "review",
        name: "Ask for a review",
        type: "event",
        user_id: "u_2",
        event: "order.review",
        data: { order: "{{trigger.data.id}}", amount: "{{trigger.data.amount}}" },
      },
      {
        id: "receipt",
        name: "Receipt",
        type: "set",
        value: { order: "{{trigger.data.id}}", accepted: true },
        after: [],
      },
    ],
  });
  if (made.status !== 201) throw new Error(Bun.inspect(made.body));
  for (const [id, amount] of [
    ["A-1041", 120],
    ["A-1042", 2_400],
  ] as const) {
    await service.api("POST", "/v1/workflows/orders/test", { data: { id, amount } });
  }
}

/** A day of figures, and new ones each second as long as the scene is open. */
async function series(url: string): Promise<AsyncDisposable> {
  const link = new Link({ url, name: "pictures", deadlineMs: 3_000 }).open();
  await link.whenUp();
  const store = new SeriesStore(link, sharedKeys(PREFIX), [QUEUE]);
  let number = 0;
  const add = (atMs: number, seconds: number) => {
    number += 1;
    return store.add({ number, atMs, ...figuresAt(atMs, seconds) });
  };
  const now = Date.now();
  const all: [atMs: number, seconds: number][] = [];
  for (let s = 24 * HOUR_S; s > HOUR_S; s -= 60) all.push([now - s * 1_000, 60]);
  for (let s = HOUR_S; s > 0; s -= 10) all.push([now - s * 1_000, 10]);
  for (const [atMs, seconds] of all) await add(atMs, seconds);
  let last = now;
  const timer = setInterval(() => {
    const at = Date.now();
    void add(at, (at - last) / 1_000);
    last = at;
  }, 1_000);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      link.close();
    },
  };
}

/** Busy by day, with a quarter of an hour in which a receiver was slow. */
function figuresAt(atMs: number, seconds: number) {
  const hours = atMs / (HOUR_S * 1_000);
  const noise = 0.9 + 0.2 * (Bun.hash.crc32(String(Math.floor(atMs / 60_000))) / 2 ** 32);
  const wave = noise * (1 + 0.6 * Math.sin((hours / 24) * 2 * Math.PI));
  const isSlow = hours % 8 > 4.5 && hours % 8 < 4.8;
  const delivered = Math.round(42 * wave * seconds);
  const retry = Math.round(delivered * (isSlow ? 0.12 : 0.01));
  const parked = Math.round(delivered * 0.002);
  const counts = new Map<string, number>([
    ["d", delivered],
    ["r", retry],
    ["p", parked],
    ["c", delivered],
  ]);
  const add = (field: string, n: number) => counts.set(field, (counts.get(field) ?? 0) + n);
  for (const [share, ms] of [
    [0.5, 38],
    [0.3, 55],
    [0.14, 90],
    [0.05, 180],
    [0.01, isSlow ? 2_400 : 420],
  ] as const) {
    const shown = ms * noise;
    add(`a${bucketOf(shown)}`, Math.ceil(delivered * share));
    add(`w${bucketOf(1)}`, Math.ceil(delivered * share));
  }
  const depth = isSlow ? Math.round(300 * wave) : Math.round(9 * (noise - 0.9) * wave * 10);
  return {
    counts: [...counts],
    gauges: [
      [`D:${QUEUE}`, depth],
      [`A:${QUEUE}`, isSlow ? 6_200 : 40],
      [`S:${QUEUE}`, Math.round(retry / seconds) * 20],
    ] as [string, number][],
  };
}
