// `bun docs/dashboard-figures.ts`: what each page of the dashboard transfers, and when its first number is
// there, on the built binary in a cold browser whose CPU is throttled to a quarter. Prints the table of
// docs/performance.md, "The dashboard".
import { chromium, type Browser } from "playwright-core";
import { builtBinary } from "../test/support/browser.ts";
import { locateChromium } from "../test/support/chromium.ts";
import { eventually } from "../test/support/eventually.ts";
import { eventFor, openScene, register } from "../test/support/serve-scene.ts";
import { API_TOKEN } from "../test/support/service.ts";

const SLOWER = 4;
const RUNS = 5;

/** A page, and the text whose appearance says that what the API answered is shown. */
const PAGES: readonly [name: string, hash: string, ready: string | RegExp][] = [
  ["overview", "#/", "Needs you"],
  ["webhooks of an owner", "#/webhooks?user_id=u_1", "Enabled"],
  ["parked deliveries", "#/parked?user_id=u_1", "The server answered 500"],
  ["rejected elements", "#/rejected", "Not JSON"],
  ["send an event", "#/send?user_id=u_1", "Push the event"],
  ["API reference", "#/docs", "Register a webhook"],
];

interface Load {
  requests: number;
  bytes: number;
  ms: number;
}

const found = await locateChromium();
if (!("chromium" in found)) throw new Error(found.missing);
const browser = await chromium.launch({
  executablePath: found.chromium.path,
  args: ["--no-sandbox", "--disable-gpu"],
  env: { ...(process.env as Record<string, string>), ...found.chromium.env },
});
await using scene = await openScene();
const service = await scene.serve(
  { FLUXHOOK_RETRY_SCHEDULE: "0s" },
  { binary: await builtBinary() },
);
const bad = scene.receiver(() => new Response(null, { status: 500 }));
await register(service, { user_id: "u_1", url: bad.url });
await scene.push(eventFor("u_1"), "not JSON");
await eventually(async () => (await scene.logOf("u_1")).length > 0);
const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", { dashboard: true });
const token = body.token ?? API_TOKEN;

console.log("| page | requests | transferred | first number |\n| --- | --- | --- | --- |");
for (const [name, hash, ready] of PAGES) {
  const loads: Load[] = [];
  for (let run = 0; run < RUNS; run++) loads.push(await coldLoad(browser, hash, ready));
  const { requests, bytes } = loads[0] ?? { requests: 0, bytes: 0 };
  const ms = loads.map((one) => one.ms).toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
  console.log(
    `| ${name} | ${requests} | ${(bytes / 1_000).toFixed(1)} kB | ${Math.round(ms)} ms |`,
  );
}
await browser.close();

/** Nothing is cached: each load has a browser context of its own. */
async function coldLoad(at: Browser, hash: string, ready: string | RegExp): Promise<Load> {
  const context = await at.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  let bytes = 0;
  let requests = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    requests += 1;
    bytes += encodedDataLength;
  });
  const route = encodeURIComponent(hash.slice(1));
  const startedAt = performance.now();
  await page.goto(`${service.url}/#token=${encodeURIComponent(token)}&to=${route}`);
  await page.locator("main").getByText(ready).first().waitFor();
  const ms = performance.now() - startedAt;
  await context.close();
  return { requests, bytes, ms };
}
