// Makes one attempt as the worker does, with a real guard and a real sender.
import { deliver, type Attempt } from "../../../src/delivery/deliver.ts";
import type { Guard } from "../../../src/delivery/guard/guard.ts";
import type { Send } from "../../../src/delivery/http/send.ts";
import { fluxdrop } from "../../../src/wire/dialects/fluxdrop.ts";
import { Signer } from "../../../src/wire/signature.ts";

const SIGNER = new Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

export async function attempt(
  url: string,
  { guard, send }: { guard: Guard; send: Send },
  { timeoutMs = 20_000 } = {},
): Promise<Attempt> {
  const made = await deliver(
    {
      deliveryId: crypto.randomUUID(),
      attempt: 1,
      event: {
        id: "evt_1",
        type: "file.created",
        timestamp: "2026-01-31T12:00:00Z",
        data: "{}",
      },
      target: {
        url,
        dialect: fluxdrop,
        secrets: [SIGNER],
        headers: {},
        timeoutMs,
        scheduleMs: [0, 60_000],
      },
    },
    { guard, send, now: Date.now, random: () => 0 },
  );
  await made.drained;
  return made;
}
