// Parses a setting that names a PEM file of certificates: reads the file and checks each certificate.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";

const MAX_BYTES = 4 * 1024 * 1024;
/** RFC 7468 §5. Everything else in the file, such as a private key, is ignored. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const BEGIN = "-----BEGIN CERTIFICATE-----";

/** Turns a path into the certificates of that file, as PEM. */
export const certificateFile = z.string().transform((path, context): string => {
  const read = readCertificates(path);
  if ("problem" in read) {
    const message = `${JSON.stringify(path)} ${read.problem}; accepted is the path of a PEM file of certificates`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }
  return read.certificates;
});

function readCertificates(path: string): { certificates: string } | { problem: string } {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    return { problem: `cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  if (text.length > MAX_BYTES) return { problem: `has more than ${MAX_BYTES} bytes` };
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) return { problem: "contains no certificate" };
  if (certificates.length !== text.split(BEGIN).length - 1) {
    return { problem: "contains a certificate without its END line" };
  }
  const broken = certificates.findIndex((pem) => !isCertificate(pem));
  if (broken !== -1) {
    return {
      problem: `contains an unreadable certificate, number ${broken + 1} of ${certificates.length}`,
    };
  }
  return { certificates: certificates.join("\n") };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
