import { afterAll, describe, expect, test } from "bun:test";
import type { CheckResult } from "../../../src/cli/doctor/check.ts";
import { checkUrl, connectionFinding, failureFinding } from "../../../src/cli/doctor/one-url.ts";
import type { Egress } from "../../../src/delivery/egress.ts";
import { createGuard } from "../../../src/delivery/guard/guard.ts";
import { createResolver } from "../../../src/delivery/guard/resolve.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";
import { testAuthority, type CertificateName } from "../../support/certificates.ts";
import { startTcpReceiver } from "../../support/tcp-receiver.ts";
import { startTlsReceiver } from "../../support/tls-receiver.ts";

const receivers: { stop(): Promise<void> }[] = [];
afterAll(async () => void (await Promise.all(receivers.map((one) => one.stop()))));

async function tlsReceiver(certificate: CertificateName) {
  const receiver = await startTlsReceiver({ certificate });
  receivers.push(receiver);
  return receiver;
}

/** Every name is this machine, which is open unless `allowRanges` is empty. */
function egress(allowRanges = ["127.0.0.0/8"]): Pick<Egress, "resolve" | "guard"> {
  const resolve = createResolver({
    lookup: async (name) => {
      if (name.startsWith("gone")) throw Object.assign(new Error(name), { code: "DNS_ENOTFOUND" });
      return [{ address: "127.0.0.1", family: 4 }];
    },
  });
  const guard = createGuard({ allowRanges, ports: [], allowHttp: false, resolve });
  return { resolve, guard };
}

async function check(url: string, opened = egress(), proxy?: string): Promise<CheckResult[]> {
  return checkUrl(readTarget(url)!, opened, {
    EGRESS_PROXY: proxy,
    EGRESS_CA: testAuthority,
  });
}

const statuses = (results: CheckResult[]) =>
  results.map(({ check: name, status }) => `${name} ${status}`);

describe("doctor --url", () => {
  test("shows addresses, verdict, TLS and the days until the certificate expires", async () => {
    const { port, requests } = await tlsReceiver("receiver");
    const results = await check(`https://receiver.test:${port}/canary?canary=1`);
    expect(statuses(results)).toEqual(["name ok", "guard ok", "connection ok"]);
    const [name, guard, connection] = results.map(({ found }) => found);
    expect(name).toMatch(/^receiver\.test is 127\.0\.0\.1, in \d+ ms$/);
    expect(guard).toBe(`receiver.test:${port} may be dialled`);
    expect(connection).toMatch(
      /^127\.0\.0\.1 in \d+ ms, TLSv1\.3, its certificate ends in \d+ days$/,
    );
    // No request: a receiver would take it for a delivery that is not signed.
    expect(requests).toEqual([]);
    expect(JSON.stringify(results)).not.toContain("canary");
  });

  test.each([
    ["expired", "tls-expired (", "its owner has to renew"],
    ["not-yet-valid", "tls-expired (", "its owner has to renew"],
    ["self-signed", "tls-untrusted (", "FLUXHOOK_EGRESS_CA"],
    ["strange", "tls-untrusted (", "FLUXHOOK_EGRESS_CA"],
    ["other", "tls-wrong-name (", "for this name"],
    ["client-only", "tls (", "TLS 1.2"],
  ] as const)("whose certificate is %s is a problem: %s", async (name, found, advice) => {
    const { port } = await tlsReceiver(name);
    const [, , connection] = await check(`https://receiver.test:${port}/`);
    expect(connection?.status).toBe("problem");
    expect(connection?.found).toStartWith(found);
    expect(connection?.advice).toContain(advice);
  });

  test("checks only the connection for plain http", async () => {
    const receiver = await startTcpReceiver();
    receivers.push(receiver);
    const results = await check(`http://receiver.test:${receiver.port}/`);
    expect(results.at(-1)?.found).toMatch(/^127\.0\.0\.1 in \d+ ms, plain http$/);
    const [connection] = await receiver.waitForConnections(1);
    await connection?.closed;
    expect(connection?.received).toHaveLength(0);
  });

  test("does not connect to a denied address", async () => {
    const receiver = await startTcpReceiver();
    receivers.push(receiver);
    const url = `http://canary:canary@inside.test:${receiver.port}/`;
    const results = await check(url, egress([]));
    expect(statuses(results)).toEqual(["name ok", "guard problem", "connection skipped"]);
    expect(results[1]?.found).toBe("denied: 127.0.0.1 is loopback 127.0.0.0/8");
    // Whoever had connected would stand before this one.
    await check(`http://inside.test:${receiver.port}/`);
    expect(await receiver.waitForConnections(1)).toHaveLength(1);
    expect(JSON.stringify(results)).not.toContain("canary");
  });

  test("stops at a name that does not exist", async () => {
    const results = await check("https://gone.test/");
    expect(statuses(results)).toEqual(["name problem", "guard skipped", "connection skipped"]);
    expect(results[0]?.found).toMatch(/^gone\.test: ENOTFOUND after \d+ ms$/);
  });

  test("reports a port where nothing listens", async () => {
    const receiver = await startTcpReceiver();
    await receiver.stop();
    const [, , connection] = await check(`https://receiver.test:${receiver.port}/`);
    expect(connection?.found).toBe("connection-refused (ECONNREFUSED)");
  });

  test("reports a receiver that closes in the handshake", async () => {
    const receiver = await startTcpReceiver((connection) => connection.close());
    receivers.push(receiver);
    const [, , connection] = await check(`https://receiver.test:${receiver.port}/`);
    expect(connection?.status).toBe("problem");
  });

  test("checks the address itself if there is a proxy, and names the proxy without credentials", async () => {
    const proxy = "http://canary:canary@10.0.0.9:3128";
    const results = await check("https://receiver.test:9/", egress(), proxy);
    expect(statuses(results)).toEqual(["name ok", "guard ok", "connection skipped"]);
    expect(results[2]?.found).toContain("http://10.0.0.9:3128,");
    expect(JSON.stringify(results)).not.toContain("canary");
  });
});

describe("the connection finding", () => {
  const now = Date.UTC(2026, 0, 1);
  test.each([
    [14, "ok"],
    [13, "warning"],
    [0, "warning"],
  ] as const)("whose certificate ends in %d days is %s", (days, status) => {
    const certificateEndsAt = new Date(now + days * 86_400_000);
    const tls = { version: "TLSv1.3", certificateEndsAt };
    const finding = connectionFinding({ kind: "connected", address: "192.0.2.1", ms: 3, tls }, now);
    expect(finding.status).toBe(status);
  });

  test("has advice for every reason of a failure", () => {
    for (const reason of ["timeout", "tls", "connection-failed"] as const) {
      expect(failureFinding({ kind: "failure", reason, code: null }).advice).toBeString();
    }
  });
});
