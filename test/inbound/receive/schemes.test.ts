// Each scheme against its published vector, or against the sender's own library, or against openssl.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Stripe } from "stripe";
import { Webhook as StandardWebhook } from "standardwebhooks";
import type { KnownWorkflow } from "../../../src/inbound/receive/directory.ts";
import type { Scheme } from "../../../src/inbound/receive/schemes/scheme.ts";
import { verifyRequest } from "../../../src/inbound/receive/verify.ts";
import { closeScenes, inboundScene, sign, type InboundScene } from "./inbound-scene.ts";

let scene: InboundScene;
beforeAll(async () => {
  scene = await inboundScene({ publicUrl: "https://mycompany.com" });
});
afterAll(closeScenes);

/** Creates a workflow of a scheme; returns what posts to it. */
async function workflow(id: string, scheme: string, secret: string, trigger: object = {}) {
  await scene.create({ verification: { scheme }, secret, ...trigger }, { id });
  return async (body: string, headers: Record<string, string>, search = "") => {
    const response = await scene.post(body, {
      id,
      search,
      // The default one would be wrong here; no scheme looks at it.
      headers: { "x-webhook-signature": "", ...headers },
    });
    return { status: response.status, text: await response.text() };
  };
}

async function opensslHmac(secret: string, body: string, ...more: string[]): Promise<Buffer> {
  const openssl = Bun.spawn(["openssl", "dgst", "-sha256", "-hmac", secret, "-binary", ...more], {
    stdin: Buffer.from(body),
  });
  return Buffer.from(await openssl.stdout.bytes());
}

describe("github", () => {
  test("accepts GitHub's published vector, and no other digest", async () => {
    const post = await workflow("github", "github", "It's a Secret to Everybody");
    const digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    // The signature holds: what is refused is that this text is no JSON.
    const right = await post("Hello, World!", { "x-hub-signature-256": `sha256=${digest}` });
    expect(right.status).toBe(400);
    const wrong = `sha256=${digest.replace("7", "8")}`;
    expect((await post("Hello, World!", { "x-hub-signature-256": wrong })).status).toBe(401);
    expect((await post("Hello, World!", { "x-hub-signature-256": digest })).status).toBe(401);
    expect((await post("Hello, World!", { "x-hub-signature": `sha1=${digest}` })).status).toBe(401);
  });

  test("recognises a delivery that GitHub sends again by its id", async () => {
    const post = await workflow("github-again", "github", "a secret of github");
    const headers = {
      "x-hub-signature-256": `sha256=${sign("{}", "a secret of github")}`,
      "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    };
    const [first, second] = [await post("{}", headers), await post("{}", headers)];
    expect(first.status).toBe(200);
    expect(second.text).toBe(first.text);
  });
});

describe("slack", () => {
  const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
  const BODY =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
  const HEADERS = {
    "content-type": "application/x-www-form-urlencoded",
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  };

  test("accepts Slack's published vector at its time, and gives the form to the workflow", async () => {
    const post = await workflow("slack", "slack", SECRET);
    scene.nowMs = 1_531_420_618_000 + 300_000;
    try {
      expect((await post(BODY, HEADERS)).status).toBe(200);
      const body = Buffer.from(scene.executions.started.at(-1)?.body ?? "").toString();
      expect(JSON.parse(body)).toMatchObject({ team_domain: "testteamnow", text: "" });
      scene.nowMs += 1_000;
      expect((await post(BODY, HEADERS)).status).toBe(401);
      scene.nowMs = 1_531_420_618_000 - 301_000;
      expect((await post(BODY, HEADERS)).status).toBe(401);
    } finally {
      scene.nowMs = Date.now();
    }
  });

  test("answers url_verification itself, signed, without an execution", async () => {
    const post = await workflow("slack-url", "slack", SECRET);
    const body = JSON.stringify({ type: "url_verification", challenge: "3eZbrw<1>" });
    const time = String(Math.floor(scene.nowMs / 1_000));
    const signature = `v0=${sign(`v0:${time}:${body}`, SECRET)}`;
    const headers = { "x-slack-request-timestamp": time, "x-slack-signature": signature };
    const before = scene.executions.started.length;
    expect(await post(body, headers)).toEqual({ status: 200, text: "3eZbrw<1>" });
    expect((await post(`${body} `, headers)).status).toBe(401);
    expect(scene.executions.started.length).toBe(before);
  });
});

describe("meta", () => {
  test("accepts what openssl signs", async () => {
    const post = await workflow("meta", "meta", "app-secret-of-meta");
    const body = '{"entry":[{"id":"0"}]}';
    const digest = (await opensslHmac("app-secret-of-meta", body)).toString("hex");
    expect((await post(body, { "x-hub-signature-256": `sha256=${digest}` })).status).toBe(200);
    expect((await post(`${body} `, { "x-hub-signature-256": `sha256=${digest}` })).status).toBe(
      401,
    );
  });

  test("answers the challenge as it is to the right token, and 401 to a wrong one", async () => {
    await scene.create(
      { verification: { scheme: "meta", verify_token: "token-of-mine" } },
      { id: "meta-get" },
    );
    const ask = (id: string, token: string) =>
      fetch(
        `${scene.url}/api/webhooks/${id}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=<b>1158201444`,
      );
    const right = await ask("meta-get", "token-of-mine");
    expect(right.status).toBe(200);
    expect(await right.text()).toBe("<b>1158201444");
    expect(right.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    for (const [id, token] of [
      ["meta-get", "token-of-mine2"],
      ["meta", "undefined"],
      ["nobody", "token-of-mine"],
    ] as const) {
      expect((await ask(id, token)).status).toBe(401);
    }
  });
});

describe("stripe", () => {
  test("accepts what Stripe's own library signs, within its five minutes", async () => {
    const post = await workflow("stripe", "stripe", "whsec_test_secret");
    const payload = JSON.stringify({ id: "evt_1", object: "event" }, null, 2);
    const stripe = new Stripe("sk_test_123");
    const signed = (timestamp: number) =>
      stripe.webhooks.generateTestHeaderStringAsync({
        payload,
        secret: "whsec_test_secret",
        timestamp,
      });
    const now = Math.floor(scene.nowMs / 1_000);
    expect((await post(payload, { "stripe-signature": await signed(now) })).status).toBe(200);
    expect((await post(payload, { "stripe-signature": await signed(now - 299) })).status).toBe(200);
    expect((await post(payload, { "stripe-signature": await signed(now - 301) })).status).toBe(401);
    expect((await post(payload, { "stripe-signature": await signed(now + 301) })).status).toBe(401);
    expect((await post(`${payload} `, { "stripe-signature": await signed(now) })).status).toBe(401);
    // The second time: the same event, the same execution.
    const again = await post(payload, { "stripe-signature": await signed(now - 1) });
    expect(
      scene.executions.started.filter(({ workflowId }) => workflowId === "stripe"),
    ).toHaveLength(1);
    expect(again.status).toBe(200);
  });

  test("accepts one right v1 among others, and no v0", async () => {
    const post = await workflow("stripe-many", "stripe", "whsec_test_secret");
    const time = Math.floor(scene.nowMs / 1_000);
    const good = sign(`${time}.{}`, "whsec_test_secret");
    const bad = "0".repeat(64);
    const many = `t=${time},v1=${bad},v1=${good},v0=${bad}`;
    expect((await post("{}", { "stripe-signature": many })).status).toBe(200);
    expect((await post("{}", { "stripe-signature": `t=${time},v0=${good}` })).status).toBe(401);
    expect((await post("{}", { "stripe-signature": `t=${time},t=1,v1=${good}` })).status).toBe(401);
  });
});

describe("shopify", () => {
  test("accepts what openssl signs", async () => {
    const post = await workflow("shopify", "shopify", "hush-hush-hush");
    const body = '{"id":820982911946154508,"total":"1.10"}';
    const digest = (await opensslHmac("hush-hush-hush", body)).toString("base64");
    expect((await post(body, { "x-shopify-hmac-sha256": digest })).status).toBe(200);
    expect((await post(`${body}\n`, { "x-shopify-hmac-sha256": digest })).status).toBe(401);
    const urlSafe = digest.replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
    expect((await post(body, { "x-shopify-hmac-sha256": urlSafe })).status).toBe(401);
  });
});

describe("standard", () => {
  const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

  test("accepts the published vector at its time, under both names of the headers", async () => {
    const post = await workflow("standard", "standard", SECRET);
    scene.nowMs = 1_614_265_330_000;
    try {
      for (const name of ["webhook", "svix"]) {
        const headers = {
          [`${name}-id`]: "msg_p5jXN8AQM9LWM0D4loKWxJek",
          [`${name}-timestamp`]: "1614265330",
          [`${name}-signature`]: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        };
        expect((await post('{"test": 2432232314}', headers)).status).toBe(200);
        expect((await post('{"test":2432232314}', headers)).status).toBe(401);
      }
    } finally {
      scene.nowMs = Date.now();
    }
  });

  test("accepts what the library of Standard Webhooks signs", async () => {
    const post = await workflow("standard-library", "standard", SECRET);
    const at = new Date(scene.nowMs);
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(scene.nowMs / 1_000)),
      "webhook-signature": new StandardWebhook(SECRET).sign("msg_1", at, "{}"),
    };
    expect((await post("{}", headers)).status).toBe(200);
    expect((await post("{}", { ...headers, "webhook-id": "msg_1.5" })).status).toBe(401);
    expect((await post("{}", { ...headers, "webhook-timestamp": "hello" })).status).toBe(401);
  });
});

describe("twilio", () => {
  test("accepts Twilio's published vector", async () => {
    // The vector's URL is https://mycompany.com/myapp.php?foo=1&bar=2; the scheme reads any URL.
    const { twilio } = await import("../../../src/inbound/receive/schemes/twilio.ts");
    const fields = {
      CallSid: "CA1234567890ABCDE",
      Caller: "+14158675309",
      Digits: "1234",
      From: "+14158675309",
      To: "+18005551212",
    };
    const claim = twilio.read({
      headers: new Headers({
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
      }),
      body: new TextEncoder().encode(new URLSearchParams(fields).toString()),
      publicUrl: "https://mycompany.com/myapp.php?foo=1&bar=2",
    });
    const digest = createHmac("sha1", "12345").update(claim.prefix).digest("base64");
    expect(claim.candidates).toEqual([digest]);
  });

  test("signs the URL that the sender knows, with the fields in order", async () => {
    const post = await workflow("twilio", "twilio", "token-12345");
    const url = "https://mycompany.com/api/webhooks/twilio?a=1";
    const signature = createHmac("sha1", "token-12345").update(`${url}AxAyBz`).digest("base64");
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": signature,
    };
    expect((await post("B=z&A=y&A=x", headers, "?a=1")).status).toBe(200);
    expect((await post("B=z&A=y&A=x", headers, "?a=2")).status).toBe(401);
    expect((await post("B=z&A=y", headers, "?a=1")).status).toBe(401);
  });

  test("accepts JSON whose hash is in the signed URL, and no other JSON", async () => {
    const post = await workflow("twilio-json", "twilio", "token-12345");
    const hash = new Bun.CryptoHasher("sha256").update('{"a":1}').digest("hex");
    const search = `?bodySHA256=${hash}`;
    const url = `https://mycompany.com/api/webhooks/twilio-json${search}`;
    const headers = {
      "x-twilio-signature": createHmac("sha1", "token-12345").update(url).digest("base64"),
    };
    expect((await post('{"a":1}', headers, search)).status).toBe(200);
    expect((await post('{"a":2}', headers, search)).status).toBe(401);
  });

  test("counts the fields of a form before it makes them, and refuses more than 1,000", async () => {
    const post = await workflow("twilio-fields", "twilio", "token-12345");
    const url = "https://mycompany.com/api/webhooks/twilio-fields";
    const send = (count: number) => {
      const names = Array.from({ length: count }, (_, n) => `f${String(n).padStart(6, "0")}`);
      const signed = `${url}${names.map((name) => `${name}1`).join("")}`;
      return post(names.map((name) => `${name}=1`).join("&"), {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": createHmac("sha1", "token-12345").update(signed).digest("base64"),
      });
    };
    expect((await send(1_000)).status).toBe(200);
    expect((await send(1_001)).status).toBe(401);
    // 500,000 fields: to make them takes hundreds of milliseconds.
    const form = new TextEncoder().encode("a&".repeat(500_000));
    const { twilio } = await import("../../../src/inbound/receive/schemes/twilio.ts");
    const headers = new Headers({
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    });
    const began = process.cpuUsage();
    for (let round = 0; round < 20; round++) {
      expect(twilio.read({ headers, body: form, publicUrl: url }).candidates).toEqual([]);
    }
    const { user } = process.cpuUsage(began);
    expect(user / 1_000 / 20).toBeLessThan(60);
  });

  test("cannot be chosen without a public URL", async () => {
    const other = await inboundScene();
    const created = other.create({ verification: { scheme: "twilio" } });
    expect(await created.catch(String)).toContain("FLUXHOOK_PUBLIC_URL");
  });
});

// T21.
test("a scheme may find its signature in the body, as Mailgun puts it there", () => {
  const mailgun: Scheme = {
    algorithm: "sha256",
    encoding: "hex",
    signatureHeaders: [],
    read({ body }) {
      const { signature, timestamp, token } = JSON.parse(Buffer.from(body).toString()) as Record<
        string,
        string
      >;
      const content = new TextEncoder().encode(`${timestamp}${token}`);
      return { prefix: "", content, candidates: [signature ?? ""], signedAt: timestamp, id: token };
    },
  };
  const nowMs = Date.now();
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signed = { timestamp, token: "t-1", signature: sign(`${timestamp}t-1`, "mailgun-key") };
  const verified = (fields: object) =>
    verifyRequest(
      {
        ...(scene.directory.get("w") as KnownWorkflow),
        scheme: mailgun,
        keysAt: () => [new TextEncoder().encode("mailgun-key")],
      },
      {
        headers: new Headers(),
        body: new TextEncoder().encode(JSON.stringify(fields)),
        publicUrl: null,
      },
      nowMs,
    );
  expect(verified(signed)).toMatchObject({ ok: true, claim: { id: "t-1" } });
  expect(verified({ ...signed, token: "t-2" })).toEqual({ ok: false });
});

describe("fluxhook with replay", () => {
  test("signs id, time and body, and refuses what is older than five minutes", async () => {
    const post = await workflow("replay", "fluxhook", "replay-secret", { replay: true });
    const time = Math.floor(scene.nowMs / 1_000);
    const headers = (id: string, at: number, body = "{}") => ({
      "x-webhook-id": id,
      "x-webhook-timestamp": String(at),
      "x-webhook-signature": sign(`${id}.${at}.${body}`, "replay-secret"),
    });
    const first = await post("{}", headers("m1", time));
    expect(first.status).toBe(200);
    // A replay within the five minutes starts nothing new.
    expect(await post("{}", headers("m1", time))).toEqual(first);
    expect((await post("{}", headers("m2", time - 301))).status).toBe(401);
    const forged = { ...headers("m1", time), "x-webhook-id": "m3" };
    expect((await post("{}", forged)).status).toBe(401);
    // The signature of the body alone is not enough.
    const plain = { ...headers("m4", time), "x-webhook-signature": sign("{}", "replay-secret") };
    expect((await post("{}", plain)).status).toBe(401);
  });
});
