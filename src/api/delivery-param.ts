// The UUID of an attempt in a path.
import { z } from "zod";
import type { DeliveryId } from "../wire/ids.ts";

const UUID_PATTERN = "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
const UUID = new RegExp(UUID_PATTERN);

export const deliveryParams = z.object({
  delivery_id: z
    .string()
    .describe("the UUID of any attempt, as in the delivery header and in the log")
    .meta({
      format: "uuid",
      pattern: UUID_PATTERN,
      example: "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001",
    }),
});

/** Returns null for an ill-formed one, which is answered 404, not 422. */
export function asDeliveryId(text: string): DeliveryId | null {
  return UUID.test(text) ? (text as DeliveryId) : null;
}
