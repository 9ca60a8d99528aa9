// All webhooks of an owner as one document: what GET …/config answers and PUT …/config takes.
import { z } from "zod";
import {
  secretSchema,
  webhookPatchSchema,
  webhookRecordSchema,
  WEBHOOKS_PER_OWNER,
} from "./webhook.ts";

const WEBHOOK_ID = /^wh_[A-Za-z0-9_-]{1,64}$/;

/** The fields of a webhook that its user sets, as the document shows them. */
const shown = webhookRecordSchema
  .pick({
    url: true,
    events: true,
    dialect: true,
    filter: true,
    description: true,
    headers: true,
    enabled: true,
    disable_rule: true,
    timeout_ms: true,
    retry_schedule: true,
  })
  .extend({ id: z.string().describe("`wh_…`") });
export type ConfigEntry = z.infer<typeof shown>;

export const configSchema = z
  .object({ webhooks: z.array(shown).describe("oldest first, without secrets") })
  .meta({ id: "Config" });
export type Config = z.infer<typeof configSchema>;

/** An entry that a user gives. */
export const givenEntrySchema = z
  .strictObject({
    id: z
      .string({ error: "must be a string" })
      .regex(WEBHOOK_ID, {
        error: "must be the id of a webhook, such as wh_3vJ8kQm2ZpXr6Tn0YbLcW9dA",
      })
      .optional()
      .describe("the webhook that the entry changes; without it, the entry creates one"),
    ...webhookPatchSchema.shape,
    secret: secretSchema
      .optional()
      .describe(
        "for a new webhook: generated if missing. For another one: if it is not the newest secret, it " +
          "replaces that one, which still signs for 24 hours",
      ),
  })
  .refine((entry) => entry.id !== undefined || entry.url !== undefined, {
    error: "is required for a new webhook",
    path: ["url"],
  })
  .meta({ anyOf: [{ required: ["id"] }, { required: ["url"] }] });
export type GivenEntry = z.infer<typeof givenEntrySchema>;

export const configInputSchema = z
  .strictObject({
    webhooks: z
      .array(givenEntrySchema, { error: "must be an array of webhooks" })
      .max(WEBHOOKS_PER_OWNER, { error: `an owner has at most ${WEBHOOKS_PER_OWNER} webhooks` })
      .describe(
        "all webhooks of the owner: the ones that are missing here are deleted. No id and no url may be " +
          "given twice. Fields that an entry with an id leaves out do not change",
      ),
  })
  .meta({ id: "ConfigInput" });

const index = z.int().describe("the position of its entry in the request, from 0");

export const configChangesSchema = z.object({
  created: z
    .array(
      z.object({
        index,
        url: z.string(),
        id: z.string().optional().describe("missing after a dry run"),
        secret: z.string().optional().describe("signs its requests; missing after a dry run"),
      }),
    )
    .describe("in the order of the request"),
  changed: z
    .array(
      z.object({
        index,
        id: z.string(),
        url: z.string(),
        fields: z.array(z.string()).describe("what changed; no values"),
      }),
    )
    .describe("entries with an id that change something"),
  deleted: z.array(z.object({ id: z.string(), url: z.string() })),
});
export type ConfigChanges = z.infer<typeof configChangesSchema>;

export const configAppliedSchema = configChangesSchema
  .extend({
    webhooks: z
      .array(shown)
      .optional()
      .describe("all webhooks as they are now, without secrets; missing after a dry run"),
  })
  .meta({ id: "ConfigApplied" });
export type ConfigApplied = z.infer<typeof configAppliedSchema>;
