// What every route of one webhook starts with: finds it by the id in the path, or answers 404.
import type { Context } from "hono";
import { z } from "zod";
import { ownerOf, type WebhookRecord } from "../../wire/webhook.ts";
import { noteForAudit } from "../auth/audit.ts";
import { maySee } from "../auth/authenticate.ts";
import type { ApiStores } from "../deps.ts";
import type { ApiEnv } from "../http/env.ts";
import { problem } from "../http/problem.ts";

const WEBHOOK_ID = /^wh_[A-Za-z0-9_-]{1,64}$/;

/** `findWebhook` checks the form: an ill-formed id is answered 404, not 422. */
export const webhookIdParam = z.object({
  id: z.string().meta({ pattern: WEBHOOK_ID.source, example: "wh_3vJ8kQm2ZpXr6Tn0YbLcW9dA" }),
});

/** Returns null also for another owner's webhook: the caller does not learn whether it exists. */
export async function findWebhook(
  c: Context<ApiEnv>,
  webhooks: ApiStores["webhooks"],
  id: string,
): Promise<WebhookRecord | null> {
  const record = WEBHOOK_ID.test(id) ? await webhooks.get(id) : null;
  if (!record || !maySee(c.var.principal, ownerOf(record))) return null;
  noteForAudit(c, { owner: ownerOf(record) });
  return record;
}

export function noSuchWebhook(c: Context<ApiEnv>) {
  return problem(c, "not-found", "there is no webhook with this id");
}
