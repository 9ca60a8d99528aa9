// Deliveries that are not tried again by themselves, of one queue: list, run again, sweep. They are
// parked by `settle`, in the step that ends their claim.
import { isDelivery, readItem, type DeliveryHeader } from "./item.ts";
import { queueKeys, type QueueKeys } from "./keys.ts";
import type { Link } from "./link.ts";
import { Script } from "./script.ts";
import listText from "./scripts/list-parked.lua" with { type: "text" };
import redeliverText from "./scripts/redeliver.lua" with { type: "text" };
import sweepText from "./scripts/sweep.lua" with { type: "text" };

const listScript = new Script(listText);
const redeliverScript = new Script(redeliverText);
const sweepScript = new Script(sweepText);

export interface ParkedLimits {
  most: number;
  mostBytes: number;
  ttlMs: number;
}

export interface ParkedDelivery {
  header: DeliveryHeader;
  parkedAtMs: number;
  /** As it is stored, in bytes. */
  size: number;
}

export class ParkedStore {
  private readonly keys: QueueKeys;

  constructor(
    private readonly link: Link,
    queue: string,
  ) {
    this.keys = queueKeys(queue);
  }

  /** The newest first, from behind `after`. */
  async list(
    after: { parkedAtMs: number; delivery: string } | null,
    most: number,
  ): Promise<ParkedDelivery[]> {
    const reply = (await this.link.run((client) =>
      listScript.run(
        client,
        [this.keys.parked, this.keys.parkedItems],
        [after?.parkedAtMs ?? "+inf", after?.delivery ?? "", most],
      ),
    )) as (Buffer | number)[];
    const page: ParkedDelivery[] = [];
    for (let i = 0; i + 3 < reply.length; i += 4) {
      const header = headerOf(Buffer.from(`0 e ${String(reply[i + 3])}\n`));
      if (header === null) continue;
      page.push({
        header,
        parkedAtMs: Number(reply[i + 1]),
        size: Number(reply[i + 2]),
      });
    }
    return page;
  }

  /** One parked delivery's header, or null where it is not parked (any more). */
  async find(delivery: string): Promise<DeliveryHeader | null> {
    return this.header(this.keys.parkedItems, delivery);
  }

  /** One scheduled delivery's header, or null where it is not scheduled (any more). */
  async findScheduled(delivery: string): Promise<DeliveryHeader | null> {
    return this.header(this.keys.scheduled, delivery);
  }

  /**
   * Runs deliveries again: a scheduled one now, a parked one as the new delivery whose header is
   * given. Answers what each was.
   */
  async redeliver(
    deliveries: readonly { delivery: string; header: DeliveryHeader | null }[],
  ): Promise<("scheduled" | "parked" | "none")[]> {
    const { keys } = this;
    const reply = (await this.link.run((client) =>
      redeliverScript.run(
        client,
        [
          keys.schedule,
          keys.scheduled,
          keys.parked,
          keys.parkedItems,
          keys.ready,
          keys.stats,
          keys.events,
        ],
        deliveries.flatMap(({ delivery, header }) => [
          delivery,
          header === null ? "" : JSON.stringify(header),
        ]),
      ),
    )) as Buffer[];
    return reply.map((one) => String(one) as "scheduled" | "parked" | "none");
  }

  /** Ends what is past its TTL, and the oldest beyond the caps. */
  async sweep(limits: ParkedLimits): Promise<{ expired: number; fallenOut: number; left: number }> {
    const { keys } = this;
    const [expired, fallenOut, left] = (await this.link.run((client) =>
      sweepScript.run(
        client,
        [keys.parked, keys.parkedItems, keys.events, keys.refs, keys.stats],
        [limits.most, limits.mostBytes, limits.ttlMs],
      ),
    )) as [number, number, number];
    return { expired, fallenOut, left };
  }

  private async header(key: string, delivery: string): Promise<DeliveryHeader | null> {
    const item = await this.link.run((client) => client.hgetBuffer(key, delivery));
    return item ? headerOf(item) : null;
  }
}

/** Null where it cannot be read, or is no delivery: the keys can be written by others. */
function headerOf(item: Buffer): DeliveryHeader | null {
  try {
    const { header } = readItem(item);
    return isDelivery(header) ? header : null;
  } catch {
    return null;
  }
}
