// GET /openapi.json: generated at the first request, then cached as bytes.
import { createHash } from "node:crypto";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { Steps } from "../../wire/steps.ts";
import type { ApiEnv } from "./env.ts";
import { json, OPEN, type Api } from "./openapi.ts";
import { inTurns } from "./turns.ts";

type OpenApiDocument = ReturnType<Api["getOpenAPI31Document"]>;
type DocumentHead = Parameters<Api["getOpenAPI31Document"]>[0];

interface Representation {
  body: Uint8Array<ArrayBuffer>;
  etag: string;
}

export function addDocument(api: Api, version: string): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description:
      "FLUXHOOK_API_TOKEN, which reaches everything, or a token of POST /v1/tokens, which reaches " +
      "only what belongs to one owner",
  });
  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/openapi.json",
    summary: "Get this document",
    description:
      "Compressed if the request accepts gzip. A matching `If-None-Match` is answered with 304.",
    tags: ["operations"],
    security: OPEN,
    responses: {
      200: json(z.record(z.string(), z.unknown()), "OpenAPI 3.1"),
      304: { description: "the document still has this ETag" },
    },
  });
  let cached: Promise<Record<"plain" | "gzip", Representation>> | null = null;
  api.get("/openapi.json", async (c) => {
    // Concurrent requests wait for the same document.
    cached ??= inTurns(documentSteps(api, headOf(version))).then(toRepresentations);
    const encoding = acceptsGzip(c.req.header("accept-encoding")) ? "gzip" : "plain";
    const { body, etag } = (await cached)[encoding];
    c.header("ETag", etag);
    c.header("Vary", "Accept-Encoding", { append: true });
    // Caches may store it but have to revalidate it: another version of Fluxhook has another document.
    c.header("Cache-Control", "no-cache");
    if (isKnown(c, etag)) return c.body(null, 304);
    if (encoding === "gzip") c.header("Content-Encoding", "gzip");
    c.header("Content-Type", "application/json");
    return c.body(body);
  });
}

export function headOf(version: string): DocumentHead {
  return {
    openapi: "3.1.0",
    info: {
      title: "Fluxhook",
      version,
      description:
        "Webhook delivery on Valkey. Rules that the schemas do not express: a body is JSON in UTF-8 with " +
        "at most 64 levels of nesting. Except for events, a body has at most 10,000 values, 200,000 " +
        "escaped characters and 1,000,000 characters outside of strings; no string in it holds half of " +
        "a surrogate pair, and no object has a key `__proto__`. An owner's id has at most 128 bytes in " +
        "UTF-8.",
    },
    security: [{ token: [] }],
  };
}

/** Makes the same as `api.getOpenAPI31Document`, which takes 50 ms at once: here each route is a step. */
export function* documentSteps(api: Api, head: DocumentHead): Steps<OpenApiDocument> {
  const rest = new OpenAPIHono<ApiEnv>();
  const routes = [];
  for (const definition of api.openAPIRegistry.definitions) {
    if (definition.type === "route") routes.push(definition.route);
    else if (definition.type === "webhook")
      rest.openAPIRegistry.registerWebhook(definition.webhook);
    else if (definition.type === "component") {
      const { componentType, name, component } = definition;
      rest.openAPIRegistry.registerComponent(componentType, name, component);
    } else throw new Error(`the document has no place for a ${definition.type} of its own`);
  }
  const document = rest.getOpenAPI31Document(head);
  const schemas = { ...document.components?.schemas };
  const paths: NonNullable<OpenApiDocument["paths"]> = {};
  for (const route of routes) {
    yield;
    const one = new OpenAPIHono<ApiEnv>();
    one.openAPIRegistry.registerPath(route);
    const part = one.getOpenAPI31Document(head);
    Object.assign(schemas, part.components?.schemas);
    for (const [path, methods] of Object.entries(part.paths ?? {})) {
      paths[path] = { ...paths[path], ...methods };
    }
  }
  return { ...document, components: { ...document.components, schemas }, paths };
}

function toRepresentations(document: OpenApiDocument): Record<"plain" | "gzip", Representation> {
  const body = new TextEncoder().encode(JSON.stringify(document));
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return {
    plain: { body, etag: `"${hash}"` },
    // RFC 9110 §8.8.3.3: each representation has its own tag.
    gzip: { body: Bun.gzipSync(body), etag: `"${hash}-gzip"` },
  };
}

/** RFC 9110 §12.5.3. */
function acceptsGzip(header: string | undefined): boolean {
  return (header ?? "").split(",").some((part) => {
    const [coding, ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const isRefused = parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
    return coding === "gzip" && !isRefused;
  });
}

/** RFC 9110 §13.1.2: a weak comparison, since a proxy may have made the tag weak. */
function isKnown(c: Context<ApiEnv>, etag: string): boolean {
  const known = (c.req.header("if-none-match") ?? "").split(",").map((tag) => tag.trim());
  return known.some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
}
