// Finds an owner's webhooks, cached or read, and keeps the order: while events wait for an owner's
// webhooks to be read, later ones of that owner wait behind them. Otherwise a later event could hit the
// cache the moment it is filled and be sent before earlier ones that still wait for the read.
import type { OwnerRef } from "../../wire/owner.ts";
import type { PreparedWebhook } from "./prepared-webhook.ts";

type Webhooks = readonly PreparedWebhook[];

export interface WebhookSource {
  /** An owner's webhooks if they are cached, else null: then `get` reads them. */
  peek(owner: OwnerRef): Webhooks | null;
  /** @throws ValkeyUnavailable */
  get(owner: OwnerRef): Promise<Webhooks>;
}

export class Directory implements WebhookSource {
  private readonly reading = new Map<OwnerRef, Promise<Webhooks>>();

  constructor(
    private readonly registered: WebhookSource,
    /** Webhooks that are in no store: that of `FLUXHOOK_ALERT_URL`. */
    private readonly own: ReadonlyMap<OwnerRef, Webhooks> = new Map(),
  ) {}

  peek(owner: OwnerRef): Webhooks | null {
    const own = this.own.get(owner);
    if (own) return own;
    return this.reading.has(owner) ? null : this.registered.peek(owner);
  }

  /** One promise for all that wait for it: it resumes them in the order in which they asked. */
  get(owner: OwnerRef): Promise<Webhooks> {
    const own = this.own.get(owner);
    if (own) return Promise.resolve(own);
    const underWay = this.reading.get(owner);
    if (underWay) return underWay;
    const webhooks = this.registered.get(owner);
    this.reading.set(owner, webhooks);
    void webhooks.then(
      // A turn of the event loop later, when all that waited have gone on.
      () => setImmediate(() => this.reading.delete(owner)),
      // At once, so that a retry reads again.
      () => this.reading.delete(owner),
    );
    return webhooks;
  }
}
