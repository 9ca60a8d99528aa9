// What stands in BullMQ's queue: one event for one webhook.

export const JOB_QUEUE = "webhooks";

export interface DeliveryJob {
  /** Its place in the list that the worker has in memory. */
  webhook: number;
  event: { id: string; type: string; timestamp: string; data: unknown };
}
