// Remembers per destination which address worked last and which failed, so that the next attempt starts
// with the address that works. It only reorders approved addresses (guarantee 7).
import { BoundedMap } from "../../bounded-map.ts";
import type { Address } from "../guard/address.ts";

/** A name and a port. */
export interface Destination {
  hostname: string;
  port: number;
}

interface Known {
  worked: string | null;
  /** In the order of their failures, the latest last. */
  failed: readonly string[];
}

const MAX_DESTINATIONS = 4_096;
const MAX_FAILED = 8;
const NOTHING: Known = { worked: null, failed: [] };

/** Only useful for destinations with several addresses. */
export class AddressMemory {
  readonly #known = new BoundedMap<string, Known>(MAX_DESTINATIONS);

  /** Returns the same addresses: the one that worked last comes first, failed ones come last. */
  order(destination: Destination, addresses: readonly Address[]): readonly Address[] {
    if (addresses.length < 2) return addresses;
    const known = this.#known.get(keyOf(destination));
    if (known === undefined) return addresses;
    const rank = ({ address }: Address) =>
      address === known.worked ? -1 : known.failed.indexOf(address) + 1;
    return addresses.toSorted((a, b) => rank(a) - rank(b));
  }

  /** Returns whether the address failed and has not answered since. */
  hasFailed(destination: Destination, { address }: Address): boolean {
    return this.#known.get(keyOf(destination))?.failed.includes(address) ?? false;
  }

  /** Records a connection. An address that failed before stays last until it answers. */
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
