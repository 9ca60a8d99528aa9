// Receivers in Express that verify by the SDK, before the real service: they take what it delivers, in
// every dialect, and nothing that somebody has changed on the way.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { IncomingHttpHeaders, Server } from "node:http";
import express from "express";
import { Flux } from "../../src/sdk/flux.ts";
import type { SignatureOrHeaders } from "../../src/sdk/request-headers.ts";
import { WebhookVerificationError } from "../../src/sdk/verification-error.ts";
import { DIALECT_NAMES, dialectOf, type DialectName } from "../../src/wire/dialects/registry.ts";
import { ArrivalLog } from "../support/arrival-log.ts";
import type { SentRequest } from "../support/express-receivers.ts";
import {
  SIGNED_NOW,
  tampered,
  tamperingsOf,
  type Captured,
} from "../support/express-receivers-tampering.ts";
import { API_TOKEN } from "../support/service.ts";
import { useService } from "../support/use-scene.ts";

/** What is asked of the dialect whose page names `flux.webhooks.verify`; a look at the others. */
const countOf = (dialect: DialectName) => (dialect === "flux" ? 1_000 : 50);

/** The signature of the dialect itself; the standard one of every dialect is that of `standard`. */
function signatureOf(dialect: DialectName, headers: IncomingHttpHeaders): SignatureOrHeaders {
  const { ownSignature } = dialectOf(dialect);
  return ownSignature === null ? headers : headers[ownSignature.header.toLowerCase()];
}

/**
 * No forgeries to a verifier: headers that no signature covers, which a receiver may compare with the
 * body; and the bare hex of `v1=<hex>`, which is the same signature as `fluxdrop` writes it.
 */
const HARMLESS: Partial<Record<DialectName, readonly string[]>> = {
  fluxdrop: ["no timestamp", "an old timestamp", "another event", "no delivery"],
  fluxdesk: ["another event", "no delivery", "no scheme"],
};

const { scene, service } = useService();
let flux: Flux;

beforeAll(async () => {
  flux = new Flux({ apiKey: API_TOKEN, baseUrl: service.url });
});

async function startReceiver(dialect: DialectName) {
  const secrets = new Map<string, string>();
  const accepted = new Map<string, ArrivalLog<SentRequest>>();
  const app = express();
  app.post("/:name", express.raw({ type: "*/*", limit: "1mb" }), (req, res) => {
    const name = req.params.name ?? "";
    const body: Buffer = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    try {
      flux.webhooks.verify(body, signatureOf(dialect, req.headers), secrets.get(name) ?? "");
    } catch (error) {
      res.sendStatus(error instanceof WebhookVerificationError ? 401 : 500);
      return;
    }
    const headers = Object.entries(req.headers).flatMap(([key, value]) =>
      /^(?:host|connection|content-length)$/.test(key) ? [] : [[key, String(value)]],
    );
    accepted
      .get(name)
      ?.add({ headers: Object.fromEntries(headers) as Record<string, string>, body });
    res.sendStatus(204);
  });
  const server: Server = app.listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Express has no port");
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    trust(name: string, secret: string): ArrivalLog<SentRequest> {
      secrets.set(name, secret);
      const log = new ArrivalLog<SentRequest>("deliveries");
      accepted.set(name, log);
      return log;
    },
    async send({ headers, body }: SentRequest): Promise<number> {
      return (await fetch(`${url}/first`, { method: "POST", headers, body })).status;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe.each(DIALECT_NAMES)("a receiver of %s that verifies by the SDK", (dialect) => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let captured: Captured;
  let seen: readonly SentRequest[];

  beforeAll(async () => {
    receiver = await startReceiver(dialect);
    const user_id = `u_${dialect}`;
    const [first, second] = await Promise.all(
      ["first", "second"].map(async (name) => {
        const url = `${receiver.url}/${name}`;
        const events = [name === "first" ? "*" : "shared"];
        const { secret } = await flux.webhooks.create({ user_id, url, dialect, events });
        return { secret, log: receiver.trust(name, secret) };
      }),
    );
    if (!first || !second) throw new Error("a webhook is missing");
    const events = Array.from({ length: countOf(dialect) }, (_, n) => ({
      user_id,
      event: n === 0 ? "shared" : "file.created",
      id: `id-${n}`,
      data: { n, title: `Nº ${n}` },
    }));
    // With white space and a number that a parser would write otherwise.
    await scene.push(
      ...events.map((event) => JSON.stringify(event).replace('{"n":', '{"cost":1.0, "n":')),
    );
    seen = await first.log.waitFor(countOf(dialect), { withinMs: 30_000 });
    const [otherWebhook] = await second.log.waitFor(1);
    const idOf = ({ headers }: SentRequest) => headers["webhook-id"];
    const genuine = seen.find((request) => otherWebhook && idOf(request) === idOf(otherWebhook));
    const next = seen.find((request) => otherWebhook && idOf(request) !== idOf(otherWebhook));
    if (!genuine || !next || !otherWebhook) throw new Error("an accepted delivery is missing");
    captured = { genuine, next, otherWebhook, secret: first.secret };
  }, 60_000);

  afterAll(() => receiver.stop());

  test("accepts every delivery", () => {
    expect(new Set(seen.map(({ headers }) => headers["webhook-id"])).size).toBe(countOf(dialect));
  });

  const signNow = SIGNED_NOW[dialect];
  if (signNow) {
    test("accepts what is signed anew as of now", async () => {
      expect(await receiver.send(tampered(captured, signNow))).toBe(204);
    });
  }

  const tamperings = tamperingsOf(dialect).filter(([claim]) => !HARMLESS[dialect]?.includes(claim));

  test("is put to at least twenty tamperings", () => {
    expect(tamperings.length).toBeGreaterThanOrEqual(20);
  });

  test.each(tamperings)("refuses %s", async (_claim, tamper) => {
    const forged = tampered(captured, tamper);
    expect(forged).not.toEqual(captured.genuine);
    expect(await receiver.send(forged)).toBe(401);
    // The same way with nothing changed: only the tampering made the difference.
    expect(await receiver.send(captured.genuine)).toBe(204);
  });
});
