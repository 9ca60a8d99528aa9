// A name server on 127.0.0.1 over UDP that answers what the test says (RFC 1035): records of any name,
// any TTL, an error, or nothing at all.
import ipaddr from "ipaddr.js";

export interface DnsRecord {
  /** The name that was asked for, where left out. */
  name?: string;
  type: "A" | "AAAA" | "CNAME";
  /** An address, or the name that a CNAME points to. */
  value: string;
  ttlS: number;
}

export interface Question {
  /** Lower case, without the last dot. */
  name: string;
  type: "A" | "AAAA" | "other";
}

export type DnsAnswer =
  | readonly DnsRecord[]
  | "NXDOMAIN"
  | "SERVFAIL"
  | "REFUSED"
  /** Nothing comes back. */
  | "silence";

export interface NameServer extends AsyncDisposable {
  /** As FLUXHOOK_DNS_SERVERS takes it. */
  address: string;
  questions: readonly Question[];
}

const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;
const RCODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
/** A response, recursion wanted and available. */
const FLAGS = 0x8180;
const CLASS_IN = 1;
const HEADER_BYTES = 12;
/** A pointer to the name in the question (§4.1.4). */
const SAME_NAME = Buffer.from([0xc0, HEADER_BYTES]);

export async function startNameServer(
  answer: (question: Question) => DnsAnswer | Promise<DnsAnswer>,
  { hostname = "127.0.0.1", port: givenPort = 0 }: { hostname?: string; port?: number } = {},
): Promise<NameServer> {
  const questions: Question[] = [];
  const socket = await Bun.udpSocket({
    hostname,
    port: givenPort,
    socket: {
      async data(self, bytes, port, address) {
        const query = readQuery(Buffer.from(bytes));
        questions.push(query.question);
        const given = await answer(query.question);
        if (given !== "silence" && !self.closed) self.send(encode(query, given), port, address);
      },
    },
  });
  return {
    address: `${hostname}:${socket.port}`,
    questions,
    [Symbol.asyncDispose]: async () => socket.close(),
  };
}

/** One record of the family that the address is of; nothing for a question about the other one. */
export function addressRecords(
  { type }: Question,
  addresses: readonly string[],
  ttlS: number,
): DnsRecord[] {
  return addresses
    .map((value): DnsRecord => ({ type: value.includes(":") ? "AAAA" : "A", value, ttlS }))
    .filter((record) => record.type === type);
}

interface Query {
  id: number;
  question: Question;
  /** The question's own bytes: it is repeated as it came, its letters' case too. */
  asked: Buffer;
}

function readQuery(message: Buffer): Query {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = message.readUInt16BE(at + 1);
  return {
    id: message.readUInt16BE(0),
    question: {
      name: labels.join(".").toLowerCase(),
      type: type === TYPES.A ? "A" : type === TYPES.AAAA ? "AAAA" : "other",
    },
    asked: message.subarray(HEADER_BYTES, at + 5),
  };
}

function encode({ id, asked }: Query, answer: Exclude<DnsAnswer, "silence">): Buffer {
  const records = typeof answer === "string" ? [] : answer;
  const rcode = typeof answer === "string" ? RCODES[answer] : 0;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(FLAGS | rcode, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, asked, ...records.map(encodeRecord)]);
}

function encodeRecord({ name, type, value, ttlS }: DnsRecord): Buffer {
  const data =
    type === "CNAME" ? encodeName(value) : Buffer.from(ipaddr.parse(value).toByteArray());
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[type], 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  fixed.writeUInt32BE(ttlS, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name === undefined ? SAME_NAME : encodeName(name), fixed, data]);
}

function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(label, "latin1"));
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), label]),
    Buffer.from([0]),
  ]);
}
