// /v1/users/…/config and /v1/orgs/…/config: all webhooks of an owner as one document.
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { ConfigResult } from "../control/config-document.ts";
import { byEntry } from "../control/plan-config.ts";
import {
  configAppliedSchema,
  configInputSchema,
  configSchema,
  givenEntrySchema,
  type GivenEntry,
} from "../wire/config-document.ts";
import { isJsonObject } from "../wire/json-object.ts";
import { ownerIdSchema, ownerRef } from "../wire/owner.ts";
import { WEBHOOKS_PER_OWNER } from "../wire/webhook.ts";
import { READS_WITH_DRY_RUN } from "./auth/access.ts";
import { noteForAudit } from "./auth/audit.ts";
import { maySee } from "./auth/authenticate.ts";
import { noSuchOwner } from "./auth/no-such-owner.ts";
import type { ApiDeps } from "./deps.ts";
import { jsonBody } from "./http/body.ts";
import type { ApiEnv } from "./http/env.ts";
import { ifMatchSchema, namesVersion } from "./http/if-match.ts";
import { json, jsonInput, problems, type Api } from "./http/openapi.ts";
import { fieldErrors, invalid, problem } from "./http/problem.ts";

/** A hundred webhooks, each with the longest of every field, fit into both. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const MAX_CONFIG_VALUES = 25_000;
/** Bun closes a connection that is silent for 10 s; a hundred names may have to be resolved. */
const SILENT_FOR_S = 60;

const etagHeader = z.object({
  ETag: z.string().describe("the version of the document, for `If-Match`"),
});

const KINDS = [
  { kind: "user", parameter: "user_id", path: "/v1/users/{user_id}/config", whose: "a user" },
  { kind: "org", parameter: "org_id", path: "/v1/orgs/{org_id}/config", whose: "an organisation" },
] as const;

export function addConfig(api: Api, { stores: { config } }: ApiDeps): void {
  for (const { kind, parameter, path, whose } of KINDS) {
    const params = z.object({ [parameter]: ownerIdSchema });
    const ownerIn = (given: Record<string, string>) => ownerRef(kind, given[parameter] ?? "");

    api.openapi(
      createRoute({
        method: "get",
        path,
        summary: `Get all webhooks of ${whose} as one document`,
        description:
          "For `PUT` on the same path. It has the fields that can be set, without secrets. Temporary " +
          "webhooks of `fluxhook listen` are not in it.",
        tags: ["webhooks"],
        request: { params },
        responses: {
          200: { ...json(configSchema, "the document"), headers: etagHeader },
          ...problems(401, 404, 409, 422, 500, 503),
        },
      }),
      async (c) => {
        const owner = ownerIn(c.req.valid("param"));
        if (!maySee(c.var.principal, owner)) return noSuchOwner(c);
        const read = await config.read(owner);
        if (!read.ok) return unreadable(c, read.unreadable);
        return c.json(read.config, 200, { ETag: read.etag });
      },
    );

    api.openapi(
      createRoute({
        method: "put",
        path,
        summary: `Replace all webhooks of ${whose} by a document`,
        description:
          "An entry with an `id` changes that webhook, one without creates a webhook, and the webhooks " +
          "that are missing are deleted. All of it happens in one step; if one entry is invalid, " +
          "nothing changes and `errors` names every problem. `If-Match` is required, except for a dry " +
          "run.",
        tags: ["webhooks"],
        ...READS_WITH_DRY_RUN,
        middleware: [jsonBody(MAX_CONFIG_BYTES, { maxValues: MAX_CONFIG_VALUES })],
        request: {
          params,
          headers: z.object({ "if-match": ifMatchSchema }),
          // `?dryrun=true` must not apply the document.
          query: z.strictObject({
            dry_run: z
              .enum(["true", "false"], { error: "must be true or false" })
              .default("false")
              .describe("`true`: answers what would change, and changes nothing"),
          }),
          body: jsonInput(configInputSchema),
        },
        responses: {
          200: {
            ...json(configAppliedSchema, "what has changed, or would change"),
            headers: etagHeader,
          },
          ...problems(400, 401, 404, 409, 412, 413, 415, 422, 428, 500, 503),
        },
      }),
      async (c) => {
        const owner = ownerIn(c.req.valid("param"));
        if (!maySee(c.var.principal, owner)) return noSuchOwner(c);
        const isDryRun = c.req.valid("query").dry_run === "true";
        const { "if-match": ifMatch } = c.req.valid("header");
        if (ifMatch === undefined && !isDryRun) {
          const detail = "send If-Match with the ETag that GET on this path answered";
          return problem(c, "precondition-required", detail);
        }
        if (isDryRun) noteForAudit(c, { isDryRun });
        c.env?.timeout?.(c.req.raw, SILENT_FOR_S);
        const { webhooks: entries } = c.req.valid("json");
        const isExpected = (etag: string) => ifMatch === undefined || namesVersion(ifMatch, etag);
        const result = await (isDryRun
          ? config.dryRun(owner, { entries, isExpected })
          : config.apply(owner, { entries, isExpected }));
        return answer(c, result);
      },
      (result, c) => (result.success ? undefined : refuse(c, kind, result)),
    );
  }

  /** The schema stops at its own problems; the user learns of the others at once, too. */
  async function refuse(
    c: Context<ApiEnv>,
    kind: "user" | "org",
    { target, error }: { target: string; error: z.ZodError },
  ) {
    const owner = ownerRef(kind, c.req.param(`${kind}_id`) ?? "");
    const errors = fieldErrors(error);
    if (target !== "json" || !maySee(c.var.principal, owner)) return invalid(c, errors);
    c.env?.timeout?.(c.req.raw, SILENT_FOR_S);
    const more = await config.problemsOf(owner, validEntries(await c.req.json()));
    return invalid(c, [...errors, ...more].toSorted(byEntry));
  }
}

/** The entries that the schema accepts, of a document that it does not. */
function validEntries(body: unknown): [number, GivenEntry][] {
  const webhooks = isJsonObject(body) && "webhooks" in body ? body.webhooks : [];
  const entries: readonly unknown[] = Array.isArray(webhooks) ? webhooks : [];
  return entries.slice(0, WEBHOOKS_PER_OWNER).flatMap((entry, index): [number, GivenEntry][] => {
    const parsed = givenEntrySchema.safeParse(entry);
    return parsed.success ? [[index, parsed.data]] : [];
  });
}

function answer(c: Context<ApiEnv>, result: ConfigResult) {
  if (result.done) {
    const { created, changed, deleted } = result.applied;
    const details = {
      created: created.length,
      changed: changed.length,
      deleted: deleted.length,
    };
    noteForAudit(c, { details });
    return c.json(result.applied, 200, { ETag: result.etag });
  }
  switch (result.why) {
    case "invalid":
      return invalid(c, [...result.errors]);
    case "unreadable":
      return unreadable(c, result.unreadable);
    case "changed":
      return problem(
        c,
        "precondition-failed",
        "the webhooks have changed since the version that If-Match names; nothing was changed, read them again",
        { headers: { ETag: result.etag } },
      );
  }
}

function unreadable(c: Context<ApiEnv>, ids: readonly string[]) {
  const detail = `${ids.join(", ")} cannot be read: the record is damaged, or FLUXHOOK_SECRET_KEY does not hold the key that sealed it; repair or delete it first`;
  return problem(c, "unreadable", detail);
}
