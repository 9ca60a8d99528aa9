// A real browser on the built binary. A page of it keeps everything that must not happen: errors in the
// console, violations of its policy, requests to other hosts, dialogs.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import axe from "axe-core";
import {
  chromium,
  type Browser,
  type BrowserContextOptions,
  type ConsoleMessage,
  type Page,
} from "playwright-core";
import { locateChromium } from "./chromium.ts";
import { useOpened } from "./use-opened.ts";

const ROOT = join(import.meta.dir, "../..");
const found = await locateChromium();
if ("missing" in found) console.log(`browser tests are skipped: ${found.missing}`);

/** For `describe.skipIf(!hasBrowser)`. */
export const hasBrowser = "chromium" in found;

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/** One browser for the calling `describe`; `args` are Chromium's. */
export function useBrowser(args: readonly string[] = []): Browser {
  return useOpened(
    () => launchBrowser(args),
    (browser) => browser.close(),
  );
}

async function launchBrowser(args: readonly string[]): Promise<Browser> {
  if (!("chromium" in found)) throw new Error("hasBrowser was not asked");
  const { path, env } = found.chromium;
  return chromium.launch({
    executablePath: path,
    args: [...ARGS, ...args],
    env: { ...(process.env as Record<string, string>), ...env },
  });
}

export interface WatchedPage extends AsyncDisposable {
  page: Page;
  /** Whatever happened that must not; the test expects it to be empty. */
  faults: string[];
}

export interface PageOptions extends BrowserContextOptions {
  /** Statuses that the test itself provokes: Chromium writes each refused request to the console. */
  refusals?: readonly number[];
}

export async function openPage(
  browser: Browser,
  url: string,
  { refusals = [], ...options }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ ...options });
  // The test's own time-out is longer than what a page may take.
  context.setDefaultTimeout(15_000);
  const faults: string[] = [];
  await context.addInitScript(
    `addEventListener("securitypolicyviolation", (event) =>
       console.error("policy violated: " + event.violatedDirective + " " + event.blockedURI))`,
  );
  const page = await context.newPage();
  const { origin } = new URL(url);
  page.on("console", (message) => {
    if (message.type() === "error" && !isExpected(message, refusals)) {
      faults.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.stack ?? error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(origin)) faults.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

function isExpected(message: ConsoleMessage, refusals: readonly number[]): boolean {
  const [, status] = /^Failed to load resource: .* status of (\d+)/.exec(message.text()) ?? [];
  return status !== undefined && refusals.includes(Number(status));
}

/** A link that signs in, as `fluxhook dev` prints it. */
export function signedIn(url: string, token: string): string {
  return `${url}#token=${encodeURIComponent(token)}`;
}

/** What axe finds that keeps somebody out: each as one line. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Not as a script of the page: its policy would refuse it, as it should.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run(document)");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

/** By how many pixels the page is wider than the window. */
export async function overflow(page: Page): Promise<number> {
  return Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
}

let built: Promise<string> | null = null;

/** dist/fluxhook, built where a source is newer than it. */
export function builtBinary(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const named = process.env.FLUXHOOK_TEST_BINARY;
  if (named) return named;
  const binary = join(ROOT, "dist/fluxhook");
  const builtAt = await stat(binary).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  const sources = ["build.ts", "package.json", ...new Bun.Glob("src/**/*").scanSync(ROOT)];
  const changed = await Promise.all(
    sources.map(async (file) => (await stat(join(ROOT, file))).mtimeMs),
  );
  if (Math.max(...changed) > builtAt) {
    const child = Bun.spawn([process.execPath, "build.ts"], { cwd: ROOT, stderr: "pipe" });
    const complaint = await child.stderr.text();
    if ((await child.exited) !== 0) throw new Error(`the binary was not built: ${complaint}`);
  }
  return binary;
}
