// The operator's own event types: what FLUXHOOK_EVENT_CATALOGUE names, for the API, the commands and the
// dashboard.
import { z } from "zod";
import { sampleData } from "./dialects/samples.ts";
import { EVENT_TYPE_ACCEPTED, EVENT_TYPE_FORM, isEventType } from "./event-pattern.ts";

export const MAX_CATALOGUE_ENTRIES = 1_000;
const MAX_DESCRIPTION = 500;
const MAX_GROUP = 60;

// eslint-disable-next-line no-control-regex -- control characters are what it keeps out
const ONE_LINE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;

const line = (max: number) =>
  z
    .string({ error: "must be a string" })
    .max(max, { error: `must have at most ${max} characters` })
    .regex(ONE_LINE, { error: "must be one line without control characters" });

/** An entry as the operator writes it. `sample` is checked and cut out by its text. */
export const catalogueEntrySchema = z.strictObject({
  name: z
    .string({ error: "must be a string" })
    .refine(isEventType, { error: `must be ${EVENT_TYPE_ACCEPTED}` }),
  description: line(MAX_DESCRIPTION).default(""),
  group: line(MAX_GROUP).min(1, { error: "must not be empty" }).optional(),
  sample: z.record(z.string(), z.unknown(), { error: "must be a JSON object" }).optional(),
});

/** An entry as the API answers it. */
export const eventTypeSchema = z
  .object({
    name: z.string().describe("the event type").meta(EVENT_TYPE_FORM),
    description: z.string().describe("empty if it has none"),
    group: z.string().nullable().describe("under which it is listed; null: by its first word"),
    sample: z
      .string()
      .nullable()
      .describe("the text of a JSON object, as the operator wrote it: an example of its `data`"),
  })
  .meta({ id: "EventType" });
export type EventTypeEntry = z.infer<typeof eventTypeSchema>;

/** Returns an example of the data of an event type as JSON text; null if none is known. */
export function sampleOf(catalogue: readonly EventTypeEntry[], type: string): string | null {
  const entry = catalogue.find(({ name }) => name === type);
  return entry === undefined ? sampleData(type) : entry.sample;
}
