// Remembers per destination which address worked last and which ones failed, so that the next attempt
// begins with the address that works. It only reorders what the guard approved (guarantee 7).
import { BoundedMap } from "../../bounded-map.ts";
import type { Address } from "../guard/address.ts";

/** A name and a port. */
export interface Destination {
  hostname: string;
  port: number;
}

interface Known {
  worked: string | null;
  /** The one that failed last is the last. */
  failed: readonly string[];
}

const MAX_DESTINATIONS = 4_096;
const MAX_FAILED = 8;
const NOTHING: Known = { worked: null, failed: [] };

/** Of destinations with one address nothing has to be remembered; callers need not ask. */
export class AddressMemory {
  readonly #known = new BoundedMap<string, Known>(MAX_DESTINATIONS);

  /** The same addresses: the one that worked last first, those that failed since last. */
  order(destination: Destination, addresses: readonly Address[]): readonly Address[] {
    if (addresses.length < 2) return addresses;
    const known = this.#known.get(keyOf(destination));
    if (known === undefined) return addresses;
    const rank = ({ address }: Address) =>
      address === known.worked ? -1 : known.failed.indexOf(address) + 1;
    return addresses.toSorted((a, b) => rank(a) - rank(b));
  }

  /** Whether it failed and has not answered since. */
  hasFailed(destination: Destination, { address }: Address): boolean {
    return this.#known.get(keyOf(destination))?.failed.includes(address) ?? false;
  }

  /** A connection is not yet an answer: an address that failed before stays behind the others. */
  connected(destination: Destination, address: Address): void {
    if (!this.hasFailed(destination, address)) this.answered(destination, address);
  }

  answered(destination: Destination, { address }: Address): void {
    const key = keyOf(destination);
    const known = this.#known.get(key) ?? NOTHING;
    if (known.worked === address && !known.failed.includes(address)) return;
    this.#keep(key, { worked: address, failed: known.failed.filter((one) => one !== address) });
  }

  failed(destination: Destination, { address }: Address): void {
    const key = keyOf(destination);
    const known = this.#known.get(key) ?? NOTHING;
    const failed = [...known.failed.filter((one) => one !== address), address];
    this.#keep(key, {
      worked: known.worked === address ? null : known.worked,
      failed: failed.slice(-MAX_FAILED),
    });
  }

  #keep(key: string, known: Known): void {
    this.#known.delete(key);
    this.#known.set(key, known);
  }
}

function keyOf({ hostname, port }: Destination): string {
  return `${hostname} ${port}`;
}
