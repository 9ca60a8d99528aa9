// /v1/event-types: the event types of the operator and of each dialect, and which are accepted.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { DIALECT_NAMES, dialectOf } from "../wire/dialects/registry.ts";
import { eventTypeSchema } from "../wire/event-catalogue.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";

const eventTypesSchema = z
  .object({
    event_types: z
      .record(z.string(), z.array(z.string()))
      .describe("the catalogue of each dialect, by its name; empty if it has none"),
    catalogue: z
      .array(eventTypeSchema)
      .describe("the operator's own event types (`FLUXHOOK_EVENT_CATALOGUE`), in their order"),
    accepted: z
      .union([z.literal("open"), z.array(z.string())])
      .describe("`open`: any well-formed event type; else only the ones listed"),
  })
  .meta({ id: "EventTypes" });

export function addEventTypes(api: Api, { config }: ApiDeps): void {
  const eventTypes = Object.fromEntries(
    DIALECT_NAMES.map((name) => [name, [...dialectOf(name).catalogue]]),
  );
  const catalogue = config.eventCatalogue ?? [];
  const accepted: "open" | string[] =
    config.eventTypes === "open" ? "open" : [...config.eventTypes];

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/event-types",
      summary: "List the event types, and which are accepted",
      tags: ["events"],
      responses: { 200: json(eventTypesSchema, "the event types"), ...problems(401, 500) },
    }),
    (c) => c.json({ event_types: eventTypes, catalogue: [...catalogue], accepted }, 200),
  );
}
