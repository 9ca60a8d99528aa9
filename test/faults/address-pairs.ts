// Names with two addresses: a receiver listens at one of them, the other one swallows connection
// attempts. Beside them a decoy listens at an address that nobody approved.
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import type { Redis } from "iovalkey";
import { silence } from "../support/silent-address.ts";
import { QUEUE, type ScenarioContext } from "./harness.ts";

export interface AddressPair {
  what: string;
  silent: string;
  open: string;
}

/** Everything that a worker of these scenarios may dial; 127.0.0.4 is the decoy's. */
export const APPROVED = "127.0.0.2/31,::1/128,fd00::/8";
const DECOY = "127.0.0.4";

/** Unique local addresses take part where this machine has two: in a namespace made for it. */
export function addressPairs(): AddressPair[] {
  const pairs: AddressPair[] = [
    { what: "IPv4 silent, IPv4 open", silent: "127.0.0.2", open: "127.0.0.3" },
  ];
  const all = Object.values(networkInterfaces()).flatMap((found) =>
    (found ?? []).map(({ address }) => address),
  );
  if (all.includes("::1")) {
    pairs.push(
      { what: "IPv4 silent, IPv6 open", silent: "127.0.0.2", open: "::1" },
      { what: "IPv6 silent, IPv4 open", silent: "::1", open: "127.0.0.3" },
    );
  }
  const [silent, open] = all.filter((address) => address.startsWith("fd")).toSorted();
  if (silent !== undefined && open !== undefined) {
    pairs.push(
      { what: "ULA silent, ULA open", silent, open },
      { what: "IPv4 silent, ULA open", silent: "127.0.0.2", open },
    );
  }
  return pairs;
}

/** The receiver of one name. Ends every connection, so that each event needs a new one. */
export class PairReceiver {
  /** From the push to here, in milliseconds. */
  readonly latenciesMs: number[] = [];
  readonly arrivals = new Map<number, number>();
  decoyConnections = 0;

  private constructor(
    readonly pair: AddressPair,
    readonly name: string,
    readonly port: number,
  ) {}

  static async start(
    context: ScenarioContext,
    pair: AddressPair,
    name: string,
  ): Promise<PairReceiver> {
    const server = Bun.serve({
      hostname: pair.open,
      port: 0,
      idleTimeout: 0,
      development: false,
      fetch: (request) => receiver.receive(request),
    });
    context.atEnd(() => server.stop(true));
    const receiver: PairReceiver = new PairReceiver(pair, name, Number(server.port));
    const silent = await silence(pair.silent, receiver.port);
    context.atEnd(() => silent.stop());
    const decoy = createServer((socket) => {
      receiver.decoyConnections += 1;
      socket.on("error", () => {}).destroy();
    });
    decoy.listen(receiver.port, DECOY);
    await once(decoy, "listening");
    context.atEnd(() => decoy.close());
    if ((decoy.address() as AddressInfo).port !== receiver.port) throw new Error("wrong port");
    return receiver;
  }

  get url(): string {
    return `http://${this.name}:${this.port}/`;
  }

  get user(): string {
    return `u_${this.name}`;
  }

  /** What the name server answers. */
  get addresses(): string[] {
    return [this.pair.silent, this.pair.open];
  }

  get addressesWithDecoy(): string[] {
    return [...this.addresses, DECOY];
  }

  /** So many events in one push. */
  async push(redis: Redis, first: number, count: number): Promise<void> {
    const pushedAtMs = performance.now();
    const elements = Array.from(
      { length: count },
      (_, i) =>
        `{"user_id":"${this.user}","event":"file.created","data":{"n":${first + i},"pushed_at_ms":${pushedAtMs}}}`,
    );
    await redis.lpush(QUEUE, ...elements);
  }

  private async receive(request: Request): Promise<Response> {
    const { data } = (await request.json()) as { data: { n: number; pushed_at_ms: number } };
    this.latenciesMs.push(performance.now() - data.pushed_at_ms);
    this.arrivals.set(data.n, (this.arrivals.get(data.n) ?? 0) + 1);
    return new Response(null, { status: 204, headers: { Connection: "close" } });
  }
}
