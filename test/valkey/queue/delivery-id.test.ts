import { expect, test } from "bun:test";
import {
  again,
  attemptUuid,
  deliveryOf,
  newDeliveryName,
  ownerTag,
  tagOf,
} from "../../../src/valkey/queue/delivery-id.ts";
import { deliveryHeader } from "./test-queue.ts";

const TAG = ownerTag("user:u_1");
const name = newDeliveryName(TAG);

test("an attempt's UUID has the form of version 4 (RFC 9562 §5.4) for any numbers", () => {
  for (let i = 0; i < 200; i++) {
    const header = deliveryHeader(newDeliveryName(TAG), { runs: i, attempt: 200 - i });
    expect(attemptUuid(header)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  }
});

test("each request of a delivery has its own UUID, which leads back to the delivery", () => {
  const uuids = new Set<string>();
  for (const attempt of [1, 2, 3, 4, 5]) {
    for (const runs of [0, 1, 2]) uuids.add(attemptUuid(deliveryHeader(name, { attempt, runs })));
  }
  expect(uuids.size).toBe(15);
  for (const uuid of uuids) {
    expect(deliveryOf(uuid)).toBe(name);
    expect(deliveryOf(uuid.toUpperCase())).toBe(name);
  }
});

test("a delivery's name contains the tag of its owner and of no other owner", () => {
  expect(tagOf(name)).toBe(TAG);
  expect(name).toHaveLength(28);
  expect(newDeliveryName(TAG)).not.toBe(name);
  expect(ownerTag("org:u_1")).not.toBe(TAG);
});

test("a redelivery sends the same event to the same webhook, starting at attempt 1", () => {
  const parked = deliveryHeader(name, {
    attempt: 5,
    runs: 2,
    dialect: "fluxdrop",
    reason: "timeout",
    status_code: null,
    event: "file.created",
  });
  const next = again(parked);
  expect(next).toEqual({
    ...deliveryHeader(next.delivery),
    dialect: "fluxdrop",
  });
  expect(next.delivery).not.toBe(name);
  expect(tagOf(next.delivery)).toBe(TAG);
});
