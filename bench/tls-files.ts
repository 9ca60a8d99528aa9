// A certificate for the TLS receivers, made for this run by openssl and trusted by nobody else.
import { join } from "node:path";
import { tempFolder } from "../test/support/valkey.ts";
import type { TlsFiles } from "./receiver.ts";

const REQUEST =
  "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1";

/** @throws Error where the machine has no openssl. */
export function makeTlsFiles(): TlsFiles {
  const folder = tempFolder("tls");
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const made = Bun.spawnSync([...REQUEST.split(" "), "-keyout", files.key, "-out", files.cert]);
  if (made.exitCode !== 0) throw new Error(`openssl made no certificate: ${String(made.stderr)}`);
  return files;
}
