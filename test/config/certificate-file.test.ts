// FLUXHOOK_EGRESS_CA: a wrong file is an error at the start that says why.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { certificateFile } from "../../src/config/certificate-file.ts";
import { certificate, testAuthority } from "../support/certificates.ts";
import { tempFolder } from "../support/valkey.ts";

const folder = tempFolder("certificates");
const { cert, key } = await certificate("self-signed");

/** Returns the certificates of a file with this text, or the problem. */
async function read(text: string): Promise<string | undefined> {
  const path = join(folder, `${Bun.hash(text)}.pem`);
  await Bun.write(path, text);
  const { data, error } = certificateFile.safeParse(path);
  return data ?? error?.issues[0]?.message.replace(JSON.stringify(path), "it");
}

describe("a file of certificates", () => {
  test("a certificate file may have several certificates with text around them", async () => {
    const found = await read(`# our own\n${testAuthority}\nanother:\n${cert}\nend`);
    expect(found).toBe([testAuthority, cert].map((pem) => pem.trim()).join("\n"));
  });

  test("a certificate file may have CRLF line ends", async () => {
    expect(await read(testAuthority.replaceAll("\n", "\r\n"))).toContain("BEGIN CERTIFICATE");
  });

  test("a private key in a certificate file is not read", async () => {
    const found = await read(`${key}\n${cert}`);
    expect(found).toBe(cert.trim());
  });

  const accepted = "accepted is the path of a PEM file of certificates";
  const half = testAuthority.trim().slice(0, -10);
  const empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
  test.each([
    ["no text", "", "it contains no certificate"],
    ["some other text", "hello", "it contains no certificate"],
    ["a key alone", key, "it contains no certificate"],
    ["a certificate that is cut off", half, "it contains no certificate"],
    [
      "a second one that is cut off",
      `${cert}\n${half}`,
      "it contains a certificate without its END line",
    ],
    [
      "what is no certificate among others",
      `${cert}\n${empty}`,
      "it contains an unreadable certificate, number 2 of 2",
    ],
  ])("a certificate file with %s is refused", async (_, text, problem) => {
    expect(await read(text)).toBe(`${problem}; ${accepted}`);
  });

  test("a certificate file of more than 4 MiB is refused", async () => {
    const found = await read(`${testAuthority}\n${"#".repeat(4 * 1024 * 1024)}`);
    expect(found).toStartWith("it has more than 4194304 bytes");
  });
});
