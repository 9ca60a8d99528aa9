// Receivers in Express that know nothing of Fluxhook but its public page: the functions that verify
// are those of docs/dialects.md as they stand there, the checks of other headers are its tables.
import { mkdtempSync, symlinkSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import express, { type Request } from "express";
import { dialectOf, type DialectName } from "../../src/wire/dialects/registry.ts";
import { ArrivalLog } from "./arrival-log.ts";
import { tempFolder } from "./valkey.ts";

const ROOT = join(import.meta.dir, "../..");

/** A request as it came: what a tampering begins with. */
export interface SentRequest {
  headers: Record<string, string>;
  body: Buffer;
}

export interface ExpressReceiver extends AsyncDisposable {
  /** The URL of one of its webhooks. */
  urlOf(webhook: string): string;
  /** Each webhook verifies by a secret of its own. */
  trust(webhook: string, secret: string): void;
  /** What the first attempt at `webhook` brought and was accepted, in order. */
  accepted(webhook: string): ArrivalLog<SentRequest>;
  /** How many requests it refused. */
  refused: number;
}

type IsGenuine = (rawBody: Buffer, headers: IncomingHttpHeaders, secret: string) => boolean;

type Holds = (request: Request, body: Record<string, unknown>) => boolean;

/** What a receiver asks of a request besides its signature, as its section of the page says. */
const CHECKS: Partial<Record<DialectName, Holds>> = {
  fluxdrop: ({ headers }, body) =>
    isUuid(headers["x-fluxdrop-delivery"]) &&
    isRecent(headers["x-fluxdrop-timestamp"]) &&
    headers["x-fluxdrop-event"] === body["event"],
  fluxdesk: ({ headers }, body) =>
    isUuid(headers["x-fluxdesk-delivery-id"]) &&
    headers["x-fluxdesk-event-type"] === body["type"] &&
    body["version"] === 1 &&
    typeof body["title"] === "string",
  flux: (_request, body) =>
    String(body["id"]).startsWith("evt_") && Number.isInteger(body["created"]),
  standard: (_request, body) => !("id" in body),
};

/** Of a dialect that has no line above: its headers and the members of its body are there. */
function hasAll(name: DialectName): Holds {
  const { headers, body } = dialectOf(name);
  return (request, sent) =>
    Object.keys(headers).every((header) => request.get(header)) &&
    Object.keys(body).every((member) => member in sent);
}

export async function startExpressReceiver(dialect: DialectName): Promise<ExpressReceiver> {
  const holds = CHECKS[dialect] ?? hasAll(dialect);
  const isGenuine = await documentedVerifier(dialect);
  const secrets = new Map<string, string>();
  const logs = new Map<string, ArrivalLog<SentRequest>>();
  let refused = 0;

  const app = express();
  app.post("/:webhook", express.raw({ type: "*/*", limit: "1mb" }), (request, response) => {
    const { webhook } = request.params;
    // Express leaves no Buffer where there was no body.
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const secret = secrets.get(webhook ?? "");
    if (
      secret === undefined ||
      !isGenuine(body, request.headers, secret) ||
      !holds(request, JSON.parse(body.toString()) as Record<string, unknown>)
    ) {
      refused += 1;
      response.sendStatus(401);
      return;
    }
    logs.get(webhook ?? "")?.add({ headers: textsOf(request.headers), body });
    response.sendStatus(204);
  });

  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Express has no port");
  return {
    urlOf: (webhook) => `http://127.0.0.1:${address.port}/${webhook}`,
    trust(webhook, secret) {
      secrets.set(webhook, secret);
      logs.set(webhook, new ArrivalLog("deliveries"));
    },
    accepted(webhook) {
      const log = logs.get(webhook);
      if (log === undefined) throw new Error(`no webhook ${webhook} is trusted`);
      return log;
    },
    get refused() {
      return refused;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let documented: Promise<(dialect: DialectName) => IsGenuine | undefined> | undefined;

/** Run outside of the checkout, as a receiver's own project would be, with its packages beside it. */
async function documentedVerifier(dialect: DialectName): Promise<IsGenuine> {
  documented ??= (async () => {
    const page = await Bun.file(join(ROOT, "docs/dialects.md")).text();
    const snippets = [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = ""]) => code);
    const folder = mkdtempSync(join(tempFolder("receivers"), "project-"));
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    await Bun.write(join(folder, "verify.mjs"), snippets.join("\n"));
    const verifiers = (await import(join(folder, "verify.mjs"))) as Record<string, IsGenuine>;
    return (name) => {
      const [section = ""] = page.split(`\n## \`${name}\`\n`)[1]?.split("\n## ") ?? [];
      return verifiers[/^export function (\w+)/m.exec(section)?.[1] ?? ""];
    };
  })();
  const verifier = (await documented)(dialect);
  if (verifier === undefined) {
    throw new Error(`docs/dialects.md exports no function in the section of ${dialect}`);
  }
  return verifier;
}

const OF_THE_CONNECTION = new Set(["host", "connection", "content-length", "transfer-encoding"]);

function textsOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !OF_THE_CONNECTION.has(name))
      .map(([name, value]) => [name, String(value)]),
  );
}

function isUuid(text: string | string[] | undefined): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(text));
}

function isRecent(seconds: string | string[] | undefined): boolean {
  return Math.abs(Date.now() / 1_000 - Number(seconds)) <= 300;
}
