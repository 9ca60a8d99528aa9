// /v1/event-types: the event types that each dialect names, and which ones are accepted.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { DIALECT_NAMES, dialectOf } from "../wire/dialects/registry.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";

const eventTypesSchema = z
  .object({
    event_types: z
      .record(z.string(), z.array(z.string()))
      .describe("the catalogue of each dialect, by its name; empty where it names none"),
    accepted: z
      .union([z.literal("open"), z.array(z.string())])
      .describe("`open`: any well-formed event type, else these"),
  })
  .meta({ id: "EventTypes" });

export function addEventTypes(api: Api, { config }: ApiDeps): void {
  const eventTypes = Object.fromEntries(
    DIALECT_NAMES.map((name) => [name, [...dialectOf(name).catalogue]]),
  );
  const accepted: "open" | string[] =
    config.eventTypes === "open" ? "open" : [...config.eventTypes];

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/event-types",
      summary: "The catalogue of event types",
      tags: ["events"],
      responses: { 200: json(eventTypesSchema, "per dialect"), ...problems(401, 500) },
    }),
    (c) => c.json({ event_types: eventTypes, accepted }, 200),
  );
}
