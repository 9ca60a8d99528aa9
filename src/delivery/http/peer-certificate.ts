// Looks at the certificate of a receiver that was refused because of it, so that its owner learns when it
// expired, or which names it has. Bun shows no certificate that it did not accept, so this makes a handshake
// of its own, to the address that the guard approved for the attempt (guarantee 7). Nothing is sent on it.
import { connect, type PeerCertificate as TlsCertificate } from "node:tls";
import { BoundedMap } from "../../bounded-map.ts";
import { Deadline } from "../../deadline.ts";
import type { Address } from "../guard/address.ts";
import type { Target } from "../guard/target.ts";

export interface PeerCertificate {
  /** RFC 3339; null if it cannot be read. */
  validFrom: string | null;
  validTo: string | null;
  /** The names and addresses it is for; the first ones of many. */
  names: string[];
  /** The name of who signed it; "" for none. */
  issuer: string;
  isSelfSigned: boolean;
}

const LIMIT_MS = 3_000;
/** One look serves the attempts of this time: a receiver must not get a handshake more for each. */
const KEPT_MS = 60_000;
const MAX_KEPT = 256;
const MAX_NAMES = 8;
const MAX_NAME_CHARACTERS = 253;

const looks = new BoundedMap<string, { atMs: number; found: Promise<PeerCertificate | null> }>(
  MAX_KEPT,
);

/** Never rejects; null if there is none to be seen. */
export function peerCertificate(
  { serverName, port }: Target,
  { address }: Address,
): Promise<PeerCertificate | null> {
  const key = `${address} ${port} ${serverName ?? ""}`;
  const known = looks.get(key);
  if (known !== undefined && performance.now() - known.atMs < KEPT_MS) return known.found;
  const found = look(address, port, serverName);
  looks.delete(key);
  looks.set(key, { atMs: performance.now(), found });
  return found;
}

async function look(
  host: string,
  port: number,
  serverName: string | null,
): Promise<PeerCertificate | null> {
  const { promise, resolve } = Promise.withResolvers<PeerCertificate | null>();
  const deadline = new Deadline(LIMIT_MS);
  const socket = connect({
    host,
    port,
    servername: serverName ?? undefined,
    ALPNProtocols: ["http/1.1"],
    // It is looked at because it was refused, and the connection is used for nothing else.
    rejectUnauthorized: false,
  });
  socket.unref();
  socket.on("error", () => resolve(null));
  socket.once("close", () => resolve(null));
  socket.once("secureConnect", () => resolve(read(socket.getPeerCertificate())));
  deadline.whenPassed(() => resolve(null));
  const found = await promise;
  deadline.clear();
  socket.destroy();
  return found;
}

function read(certificate: TlsCertificate | null): PeerCertificate | null {
  // An empty object where there is none.
  if (certificate === null || Object.keys(certificate).length === 0) return null;
  const { valid_from, valid_to, subjectaltname = "", issuer, subject } = certificate;
  const alternatives = subjectaltname
    .split(", ")
    .map((name) => name.replace(/^(?:DNS|IP Address):/, ""))
    .filter((name) => name !== "");
  const names = alternatives.length > 0 ? alternatives : [text(subject?.CN)];
  const signer = text(issuer?.CN) || text(issuer?.O);
  return {
    validFrom: time(valid_from),
    validTo: time(valid_to),
    names: names.slice(0, MAX_NAMES).map(short),
    issuer: short(signer),
    isSelfSigned: JSON.stringify(issuer) === JSON.stringify(subject),
  };
}

function time(written: string | undefined): string | null {
  const ms = Date.parse(written ?? "");
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

const text = (value: string | string[] | undefined) => String(value ?? "");
const short = (name: string) => name.slice(0, MAX_NAME_CHARACTERS);
