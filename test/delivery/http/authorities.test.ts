// Which authorities are trusted: Bun's, those of the system's store and those of FLUXHOOK_EGRESS_CA, all
// together.
import { afterAll, describe, expect, test } from "bun:test";
import { getCACertificates } from "node:tls";
import { authorities, trusting } from "../../../src/delivery/http/authorities.ts";
import { certificate, testAuthority } from "../../support/certificates.ts";
import { startTlsReceiver, type TlsReceiver } from "../../support/tls-receiver.ts";

const folder = new URL("../../support/certificates/", import.meta.url).pathname;
const receivers: Record<"receiver" | "self-signed", TlsReceiver> = {
  receiver: await startTlsReceiver({ certificate: "receiver" }),
  "self-signed": await startTlsReceiver({ certificate: "self-signed" }),
};
afterAll(async () => {
  for (const receiver of Object.values(receivers)) await receiver.stop();
});

const SCRIPT = `
  const { sendTo } = await import("${import.meta.dir}/../attempt.ts");
  const [ca, ...ports] = JSON.parse(process.argv[1]);
  for (const port of ports) {
    const answer = await sendTo("https://receiver.test:" + port + "/", { ca: ca ?? undefined });
    console.log(answer.status ?? answer.reason);
  }
  process.exit(0);
`;

/** Returns the results for both receivers in a process with this system store. */
async function answers(environment: Record<string, string>, ca: string | null): Promise<string[]> {
  const ports = [receivers.receiver.port, receivers["self-signed"].port];
  const child = Bun.spawn([process.execPath, "-e", SCRIPT, JSON.stringify([ca, ...ports])], {
    env: { PATH: process.env["PATH"], ...environment },
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await new Response(child.stdout).text();
  await child.exited;
  return output.trim().split("\n");
}

const NO_STORE = { SSL_CERT_FILE: "/nowhere", SSL_CERT_DIR: "/nowhere" };

describe("a receiver's certificate", () => {
  test("a certificate of an unknown authority is untrusted", async () => {
    expect(await answers(NO_STORE, null)).toEqual(["tls-untrusted", "tls-untrusted"]);
  });

  test("a certificate is accepted if its authority is in SSL_CERT_FILE", async () => {
    const environment = { ...NO_STORE, SSL_CERT_FILE: `${folder}ca.pem` };
    expect(await answers(environment, null)).toEqual(["204", "tls-untrusted"]);
  });

  test("a certificate is accepted if its authority is in NODE_EXTRA_CA_CERTS", async () => {
    const environment = { ...NO_STORE, NODE_EXTRA_CA_CERTS: `${folder}ca.pem` };
    expect(await answers(environment, null)).toEqual(["204", "tls-untrusted"]);
  });

  test("FLUXHOOK_EGRESS_CA adds authorities and does not replace the system's", async () => {
    const { cert } = await certificate("self-signed");
    expect(await answers(NO_STORE, cert)).toEqual(["tls-untrusted", "204"]);
    const environment = { ...NO_STORE, SSL_CERT_FILE: `${folder}ca.pem` };
    expect(await answers(environment, cert)).toEqual(["204", "204"]);
  });
});

test("Bun's authorities stay trusted, whatever is added", () => {
  const all = new Set(authorities(testAuthority));
  expect(all.has(testAuthority.trim())).toBe(true);
  for (const pem of [...getCACertificates("bundled"), ...getCACertificates("system")]) {
    expect(all.has(pem.trim())).toBe(true);
  }
});

test("the certificates are read once for all connections", () => {
  expect(trusting(testAuthority)).toBe(trusting(testAuthority));
  expect(trusting(undefined)).toBe(trusting(undefined));
  expect(trusting(undefined)).not.toBe(trusting(testAuthority));
});
