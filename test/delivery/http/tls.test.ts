// Guarantee 7 approves the address; here the certificate must prove that the address belongs to the name.
import { afterEach, describe, expect, test } from "bun:test";
import type { FailureReason } from "../../../src/delivery/http/failure.ts";
import { testAuthority, type CertificateName } from "../../support/certificates.ts";
import { startTcpReceiver, type Behave } from "../../support/tcp-receiver.ts";
import { startTlsReceiver, type TlsReceiverOptions } from "../../support/tls-receiver.ts";
import { flood } from "../../support/hostile-receiver.ts";
import { sendTo } from "../attempt.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function tlsReceiver(options: TlsReceiverOptions) {
  const started = await startTlsReceiver(options);
  stops.push(() => started.stop());
  return started;
}

const ca = testAuthority;

describe("a certificate", () => {
  const right: [claim: string, leaf: CertificateName, host: string][] = [
    ["for the name is accepted at the dialled address", "receiver", "receiver.test"],
    ["is accepted where the name has a trailing dot", "receiver", "receiver.test."],
    ["for all names below is accepted for one of them", "receiver", "eu.receiver.test"],
    ["for an address is accepted where the URL names the address", "localhost", "127.0.0.1"],
  ];
  test.each(right)("a certificate %s", async (_, leaf, host) => {
    const { port } = await tlsReceiver({ certificate: leaf });
    const answer = await sendTo(`https://${host}:${port}/`, { ca });
    expect(answer).toMatchObject({ status: 204, retryAfter: `${host}:${port}` });
  });

  const wrong: [
    claim: string,
    leaf: CertificateName,
    host: string,
    reason: FailureReason,
    code: string,
  ][] = [
    [
      "for another name",
      "other",
      "receiver.test",
      "tls-wrong-name",
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    [
      "for a name further up",
      "receiver",
      "a.b.receiver.test",
      "tls-wrong-name",
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    [
      "for the name, of an address",
      "receiver",
      "127.0.0.1",
      "tls-wrong-name",
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    [
      "for the dialled address, of a name",
      "localhost",
      "a.test",
      "tls-wrong-name",
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    ["that has expired", "expired", "receiver.test", "tls-expired", "CERT_HAS_EXPIRED"],
    [
      "that is not valid yet",
      "not-yet-valid",
      "receiver.test",
      "tls-expired",
      "CERT_NOT_YET_VALID",
    ],
    [
      "signed by itself",
      "self-signed",
      "receiver.test",
      "tls-untrusted",
      "DEPTH_ZERO_SELF_SIGNED_CERT",
    ],
    [
      "of an unknown authority",
      "strange",
      "receiver.test",
      "tls-untrusted",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ],
    ["for clients only", "client-only", "receiver.test", "tls", "INVALID_PURPOSE"],
    ["signed by one that is no authority", "by-leaf", "receiver.test", "tls", "INVALID_PURPOSE"],
  ];
  test.each(wrong)(
    "a certificate %s is refused before a byte of the request is sent",
    async (_, leaf, host, reason, code) => {
      const receiver = await tlsReceiver({ certificate: leaf });
      const answer = await sendTo(`https://${host}:${receiver.port}/`, { ca });
      expect(answer).toEqual({ kind: "failure", reason, code });
      expect(receiver.requests).toEqual([]);
    },
  );

  test("a sender that trusts only the system refuses a certificate of the tests' authority", async () => {
    const receiver = await tlsReceiver({ certificate: "receiver" });
    const answer = await sendTo(`https://receiver.test:${receiver.port}/`);
    expect(answer).toHaveProperty("reason", "tls-untrusted");
  });

  test("NODE_TLS_REJECT_UNAUTHORIZED=0 does not make a wrong certificate acceptable", async () => {
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    stops.push(() => {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    });
    for (const [, leaf, host, reason] of wrong) {
      const receiver = await tlsReceiver({ certificate: leaf });
      expect(await sendTo(`https://${host}:${receiver.port}/`, { ca })).toHaveProperty(
        "reason",
        reason,
      );
      expect(receiver.requests).toEqual([]);
    }
  });
});

describe("names on one address", () => {
  /** Sends to the names in turn, 64 at a time. Returns for each name how often each answer came. */
  async function load(port: number, names: readonly string[], requests: number) {
    const answers = new Map<string, number>();
    let next = 0;
    const run = async () => {
      for (let n = next++; n < requests; n = next++) {
        const name = names[n % names.length] ?? "";
        const answer = await sendTo(`https://${name}:${port}/`, { ca });
        const what = answer.kind === "response" ? answer.retryAfter : answer.code;
        const key = `${name} ${what}`;
        answers.set(key, (answers.get(key) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 64 }, run));
    return answers;
  }

  test("names with a certificate each are never mixed up under load, and a wrong one is never accepted", async () => {
    const receiver = await tlsReceiver({
      certificate: "receiver",
      named: { "other.test": "other", "old.receiver.test": "expired" },
    });
    const { port } = receiver;
    const names = ["receiver.test", "other.test", "old.receiver.test", "stranger.test"];
    expect(Object.fromEntries(await load(port, names, 4_000))).toEqual({
      [`receiver.test receiver.test:${port}`]: 1_000,
      [`other.test other.test:${port}`]: 1_000,
      "old.receiver.test CERT_HAS_EXPIRED": 1_000,
      "stranger.test ERR_TLS_CERT_ALTNAME_INVALID": 1_000,
    });
    expect(receiver.requests).toHaveLength(2_000);
    const mixedUp = receiver.requests.filter(
      ({ serverName, host }) => host !== `${serverName}:${port}`,
    );
    expect(mixedUp).toEqual([]);
  });

  test("names are not mixed up if there are more of them than contexts that Bun keeps", async () => {
    const receiver = await tlsReceiver({ certificate: "receiver" });
    const { port } = receiver;
    const names = Array.from({ length: 150 }, (_, n) => `n${n}.receiver.test`);
    const answers = await load(port, names, 1_500);
    expect(answers.size).toBe(150);
    for (const name of names) expect(answers.get(`${name} ${name}:${port}`)).toBe(10);
    const mixedUp = receiver.requests.filter(
      ({ serverName, host }) => host !== `${serverName}:${port}`,
    );
    expect(mixedUp).toEqual([]);
  });
});

describe("a receiver", () => {
  const record = (type: number, ...payload: number[]) =>
    new Uint8Array([type, 3, 3, payload.length >> 8, payload.length & 0xff, ...payload]);
  const says =
    (bytes: string | Uint8Array): Behave =>
    (connection) =>
      connection.write(bytes);
  const ALERT = 0x15;
  const HANDSHAKE = 0x16;

  const plays: [claim: string, behave: Behave, reason: FailureReason, code: string | null][] = [
    ["that answers in plain text", says("HTTP/1.1 400 Bad Request\r\n\r\n"), "tls", "ERR_SSL_"],
    ["that speaks SSH", says("SSH-2.0-OpenSSH_9.9\r\n"), "tls", "ERR_SSL_"],
    ["that refuses the handshake", says(record(ALERT, 2, 40)), "tls", "ERR_SSL_"],
    [
      "whose handshake message has no end",
      async (connection) => {
        await connection.write(record(HANDSHAKE, 2, 0xff, 0xff, 0xff));
        const more = record(HANDSHAKE, ...new Uint8Array(0x4000));
        await flood(connection, () => more);
      },
      "tls",
      "ERR_SSL_",
    ],
    ["that says nothing in the handshake", () => {}, "timeout", null],
    [
      "that stops within a record",
      says(record(HANDSHAKE, 2, 0, 0, 80).subarray(0, 7)),
      "timeout",
      null,
    ],
    ["that closes in the handshake", (c) => c.close(), "connection-reset", "ECONNRESET"],
    ["that resets in the handshake", (c) => c.reset(), "connection-reset", "ECONNRESET"],
  ];
  test.each(plays)("names the failure of a receiver %s", async (_, behave, reason, code) => {
    const receiver = await startTcpReceiver(behave);
    stops.push(() => receiver.stop());
    const url = receiver.url.replace("http:", "https:");
    const timeoutMs = reason === "timeout" ? 200 : 20_000;
    const answer = await sendTo(url, { timeoutMs });
    // The exact code is up to BoringSSL.
    const named = code === "ERR_SSL_" ? expect.stringContaining(code) : code;
    expect(answer).toEqual({ kind: "failure", reason, code: named });
    await receiver.connections[0]?.closed;
  });

  test.each(["TLSv1", "TLSv1.1"] as const)(
    "a receiver with only %s is refused",
    async (version) => {
      const receiver = await tlsReceiver({
        certificate: "receiver",
        minVersion: version,
        maxVersion: version,
      });
      const answer = await sendTo(`https://receiver.test:${receiver.port}/`, { ca });
      expect(answer).toMatchObject({ kind: "failure", reason: "tls" });
    },
  );

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "a receiver with only %s is accepted",
    async (version) => {
      const receiver = await tlsReceiver({
        certificate: "receiver",
        minVersion: version,
        maxVersion: version,
      });
      const answer = await sendTo(`https://receiver.test:${receiver.port}/`, { ca });
      expect(answer).toHaveProperty("status", 204);
    },
  );
});
