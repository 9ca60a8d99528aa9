// What all contenders are given: the same webhooks, the same events, the same secret.

export interface Workload {
  /** Webhook i is of owner floor(i / perOwner). */
  urls: readonly string[];
  /** Webhooks of one owner: so many deliveries does an event become. */
  perOwner: number;
  /** The size of an event's padding; a body is about 150 bytes more. */
  dataBytes: number;
}

/** Thirty-two bytes, as Fluxhook makes them itself. */
export const SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
export const EVENT_TYPE = "file.created";

export function ownersOf({ urls, perOwner }: Workload): number {
  return urls.length / perOwner;
}

/** Events go round the owners. */
export function ownerOfEvent(workload: Workload, n: number): number {
  return n % ownersOf(workload);
}

/** `data` of event n. What a producer adds at the push is when that was. */
export function dataText({ dataBytes }: Workload, n: number, pushedAtMs: number): string {
  let padding = paddings.get(dataBytes);
  if (padding === undefined) paddings.set(dataBytes, (padding = "x".repeat(dataBytes)));
  return `{"pushed_at_ms":${pushedAtMs},"n":${n},"padding":"${padding}"}`;
}

const paddings = new Map<number, string>();

/** One of its webhooks each for so many owners; `path` tells the receiver them apart. */
export function oneWebhookEach(base: string, owners: number, dataBytes = 900): Workload {
  const urls = Array.from({ length: owners }, (_, i) => `${base}/w/${i}`);
  return { urls, perOwner: 1, dataBytes };
}
