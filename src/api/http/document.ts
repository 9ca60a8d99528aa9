// GET /openapi.json: made when it is first asked for, then kept as the bytes that go out.
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
      "FLUXHOOK_API_TOKEN, which sees everything, or a token of POST /v1/tokens, which sees one " +
      "owner's things only",
  });
  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/openapi.json",
    summary: "This document",
    description: "Compressed where the request accepts gzip; `If-None-Match` is answered with 304.",
    tags: ["operations"],
    security: OPEN,
    responses: {
      200: json(z.record(z.string(), z.unknown()), "OpenAPI 3.1"),
      304: { description: "it is still the one with this ETag" },
    },
  });
  let cached: Promise<Record<"plain" | "gzip", Representation>> | null = null;
  api.get("/openapi.json", async (c) => {
    // All that ask meanwhile wait for the same one.
    cached ??= inTurns(documentSteps(api, headOf(version))).then(toRepresentations);
    const encoding = acceptsGzip(c.req.header("accept-encoding")) ? "gzip" : "plain";
    const { body, etag } = (await cached)[encoding];
    c.header("ETag", etag);
    c.header("Vary", "Accept-Encoding", { append: true });
    // It may be kept, and is asked about each time: another version has another one.
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
        "Webhook delivery on Valkey. Beyond what the schemas say: a body is JSON in UTF-8 of at most " +
        "64 levels; but for events it has at most 10,000 values, 200,000 escaped characters and " +
        "1,000,000 characters outside of texts, no text in it holds half of a surrogate pair, and no " +
        "object a key `__proto__`. An owner's id has at most 128 bytes in UTF-8.",
    },
    security: [{ token: [] }],
  };
}

/** What `api.getOpenAPI31Document` makes at once, which takes 50 ms: here each route is a step. */
export function* documentSteps(api: Api, head: DocumentHead): Steps<OpenApiDocument> {
  const rest = new OpenAPIHono<ApiEnv>();
  const routes = [];
  for (const definition of api.openAPIRegistry.definitions) {
    if (definition.type === "route") routes.push(definition.route);
    else if (definition.type === "component") {
      const { componentType, name, component } = definition;
      rest.openAPIRegistry.registerComponent(componentType, name, component);
    } else throw new Error(`the document has no place for a ${definition.type} of its own`);
  }
  const document = rest.getOpenAPI31Document(head);
  const schemas = {};
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
    // RFC 9110 §8.8.3.3: another representation has another tag.
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

/** RFC 9110 §13.1.2: compared weakly, for a proxy may have made it a weak one. */
function isKnown(c: Context<ApiEnv>, etag: string): boolean {
  const known = (c.req.header("if-none-match") ?? "").split(",").map((tag) => tag.trim());
  return known.some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
}
