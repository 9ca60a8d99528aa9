// The trigger of a workflow as it is read from Valkey. It is not as strict as what a user sends: a later version
// may have stored more fields, and an earlier one fewer.
import { z } from "zod";
import { RESPONSE_MODES, SCHEMES, triggerSchema, type Trigger } from "./trigger.ts";

const DEFAULTS = triggerSchema.parse({});

const verificationSchema = z.looseObject({
  scheme: z.enum(SCHEMES).default(DEFAULTS.verification.scheme),
  verify_token: z.string().optional(),
});

const responseSchema = z.looseObject({
  mode: z.enum(RESPONSE_MODES).default(DEFAULTS.response.mode),
  node_id: z.string().optional(),
  status: z.int().default(DEFAULTS.response.status),
  headers: z.record(z.string(), z.string()).default(DEFAULTS.response.headers),
  timeout_ms: z.number().default(DEFAULTS.response.timeout_ms),
});

/** Keeps the fields that this version does not know. What it has to understand must be what it knows. */
export const storedTriggerSchema = z.looseObject({
  verification: verificationSchema.prefault({}),
  accepts: z.array(z.string()).transform(knownTypes).prefault(DEFAULTS.accepts),
  replay: z.boolean().default(DEFAULTS.replay),
  idempotency: z.string().nullable().default(DEFAULTS.idempotency),
  concurrency: z.int().default(DEFAULTS.concurrency),
  rate_limit: z.looseObject({ per_second: z.number() }).nullable().default(DEFAULTS.rate_limit),
  response: responseSchema.prefault({}),
});

function knownTypes(types: readonly string[]): Trigger["accepts"] {
  return types.filter((type) => type === "json" || type === "form");
}

/** Returns the trigger without the fields that this version does not know. */
export function knownPart(trigger: Trigger): Trigger {
  const { verification, accepts, replay, idempotency, concurrency, rate_limit, response } = trigger;
  const { scheme, verify_token } = verification;
  const { mode, node_id, status, headers, timeout_ms } = response;
  return {
    verification: { scheme, ...(verify_token === undefined ? {} : { verify_token }) },
    accepts,
    replay,
    idempotency,
    concurrency,
    rate_limit: rate_limit && { per_second: rate_limit.per_second },
    response: { mode, ...(node_id === undefined ? {} : { node_id }), status, headers, timeout_ms },
  };
}

/** Returns `next` with the fields of `stored` that this version does not know. */
export function withUnknown(next: Trigger, stored: Trigger): Trigger {
  const known = knownPart(stored);
  return {
    ...next,
    verification: { ...next.verification, ...onlyUnknown(stored.verification, known.verification) },
    response: { ...next.response, ...onlyUnknown(stored.response, known.response) },
    ...onlyUnknown(stored, known),
  };
}

function onlyUnknown(stored: object, known: object): object {
  return Object.fromEntries(Object.entries(stored).filter(([name]) => !(name in known)));
}
