// The schemes by their names.
import type { Trigger } from "../../../wire/workflow/trigger.ts";
import { fluxhook, fluxhookWithReplay } from "./fluxhook.ts";
import { github } from "./github.ts";
import { meta } from "./meta.ts";
import type { Scheme } from "./scheme.ts";
import { shopify } from "./shopify.ts";
import { slack } from "./slack.ts";
import { standard } from "./standard.ts";
import { stripe } from "./stripe.ts";
import { twilio } from "./twilio.ts";

const SCHEMES_BY_NAME = { fluxhook, github, meta, slack, stripe, shopify, standard, twilio };

export function schemeOf({
  verification,
  replay,
}: Pick<Trigger, "verification" | "replay">): Scheme {
  return replay ? fluxhookWithReplay : SCHEMES_BY_NAME[verification.scheme];
}
