// /healthz and /readyz: whether the process is alive, and whether it does its work. Neither needs a token.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import type { ApiDeps } from "./deps.ts";
import { json, OPEN, problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";

export function addHealth(api: Api, { notReadyCauses }: Pick<ApiDeps, "notReadyCauses">): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/healthz",
      summary: "Is the process alive?",
      description:
        "It does not depend on Valkey: a restart of this process would not bring Valkey back.",
      tags: ["operations"],
      security: OPEN,
      responses: { 200: json(z.object({ status: z.literal("ok") }), "alive") },
    }),
    (c) => c.json({ status: "ok" as const }, 200),
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/readyz",
      summary:
        "Does the process do its work: Valkey answers, and deliveries are claimed and settled?",
      description:
        "503 lists each cause in `causes`. Slow receivers, an empty list and a worker at its concurrency " +
        "limit are not causes: the process does its work.",
      tags: ["operations"],
      security: OPEN,
      responses: {
        200: json(z.object({ status: z.literal("ready"), detail: z.string() }), "ready"),
        ...problems(503),
      },
    }),
    (c) => {
      const causes = notReadyCauses();
      if (causes.length > 0) {
        const detail = causes.map(({ message }) => message).join("; ");
        return problem(c, "not-ready", detail, { causes });
      }
      return c.json({ status: "ready" as const, detail: "ready" }, 200);
    },
  );
}
