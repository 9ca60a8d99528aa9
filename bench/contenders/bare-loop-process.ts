// Signs as Fluxhook does, by its own code, sends with fetch, reads the answer; 64 at a time, as
// Fluxhook has in flight to one webhook and where Bun's fetch is fastest (its pool holds 64).
import { bunHmac } from "../../src/delivery/deliver.ts";
import { fluxdrop } from "../../src/wire/dialects/fluxdrop.ts";
import { Signer, signRequestWith } from "../../src/wire/signature.ts";
import { eachMessage, say } from "../child.ts";
import { wallMs } from "../measure.ts";
import { offer, type Offer } from "../open-loop.ts";
import { dataText, EVENT_TYPE, ownerOfEvent, SECRET, type Workload } from "../workload.ts";

const IN_FLIGHT = 64;
const encoder = new TextEncoder();
const secrets = [new Signer(SECRET)];
const idPrefix = crypto.randomUUID();
let workload: Workload = { urls: [], perOwner: 1, dataBytes: 0 };

/** Delivery i of event n. */
async function deliver(n: number, i: number): Promise<void> {
  const nowMs = wallMs();
  const eventId = `${idPrefix}-${n}`;
  const body = fluxdrop.envelope({
    id: eventId,
    type: EVENT_TYPE,
    timestamp: new Date(nowMs).toISOString(),
    data: dataText(workload, n, nowMs),
  });
  const bodyBytes = encoder.encode(body);
  const headers = signRequestWith(bunHmac, {
    dialect: fluxdrop,
    secrets,
    eventId,
    eventType: EVENT_TYPE,
    deliveryId: crypto.randomUUID(),
    unixSeconds: Math.floor(nowMs / 1_000),
    body,
    bodyBytes,
  });
  const url = workload.urls[ownerOfEvent(workload, n) * workload.perOwner + i] ?? "";
  const response = await fetch(url, {
    method: "POST",
    headers,
    body: bodyBytes,
    redirect: "manual",
  });
  await response.arrayBuffer();
  if (response.status !== 204) throw new Error(`the receiver answered ${response.status}`);
}

async function deliverAll(events: number): Promise<void> {
  let next = 0;
  const end = events * workload.perOwner;
  const lane = async () => {
    while (next < end) {
      const one = next++;
      await deliver(Math.floor(one / workload.perOwner), one % workload.perOwner);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function deliverOffered(rate: Offer): Promise<number> {
  // The last one would be cut off where the process ended with the offer.
  const sent: Promise<void>[] = [];
  const lateMs = await offer(rate, (first, count) => {
    for (let n = first; n < first + count; n += 1) sent.push(deliver(n, 0));
  });
  await Promise.all(sent);
  return lateMs;
}

await eachMessage(async (message) => {
  if (message.workload !== undefined) {
    workload = message.workload as Workload;
    say({ ready: true });
  } else if (message.deliver !== undefined) {
    await deliverAll(Number(message.deliver));
  } else if (message.offer !== undefined) {
    say({ late_ms: await deliverOffered(message.offer as Offer) });
  }
});
