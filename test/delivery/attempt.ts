// Sends one request as the tests want it: to this machine, whatever the URL's name.
import type { Address } from "../../src/delivery/address.ts";
import { Deadline } from "../../src/delivery/deadline.ts";
import { createSender, type Answer, type SenderOptions } from "../../src/delivery/send.ts";
import { readTarget } from "../../src/delivery/target.ts";
import type { TcpConnection } from "../support/tcp-receiver.ts";

export const LOOPBACK: Address = { address: "127.0.0.1", family: 4 };
export const LOOPBACK_V6: Address = { address: "::1", family: 6 };

export interface SendOptions extends SenderOptions {
  addresses?: Address[];
  startAt?: number;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
  deadline?: Deadline;
}

export async function sendTo(
  url: string,
  { addresses = [LOOPBACK], startAt = 0, headers = {}, body = "{}", ...options }: SendOptions = {},
): Promise<Answer> {
  const deadline = options.deadline ?? new Deadline(options.timeoutMs ?? 20_000);
  const answer = await createSender(options)({
    target: readTarget(url)!,
    addresses,
    startAt,
    headers,
    body: new TextEncoder().encode(body),
    deadline,
  });
  if (answer.kind !== "response") deadline.clear();
  return answer;
}

/**
 * Writes `chunk(n)` for as long as the sender takes it, and lets timers run in between: a sender
 * that reads as fast as it is written to would starve them otherwise.
 */
export async function flood(connection: TcpConnection, chunk: (n: number) => string) {
  for (let n = 0; !connection.isClosed; n++) {
    await connection.write(chunk(n));
    await new Promise(setImmediate);
  }
}

export function tlsVector(name: string): Promise<string> {
  return Bun.file(new URL(`../vectors/tls/${name}`, import.meta.url)).text();
}
