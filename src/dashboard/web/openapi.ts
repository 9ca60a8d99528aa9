// /openapi.json as the reference page reads it (OpenAPI 3.1).

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Content {
  content?: Record<string, { schema?: Schema }>;
}

export interface Operation {
  method: string;
  path: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: unknown[];
  /** Of a route that is no GET, and that a read-only token may call all the same. */
  "x-fluxhook-access"?: "reads" | "reads-with-dry-run-in-query" | "reads-with-dry-run-in-body";
  parameters?: Parameter[];
  requestBody?: Content & { required?: boolean };
  responses: Record<string, Content & { description?: string }>;
}

export interface OpenApi {
  info: { title: string; version: string };
  paths: Record<string, Record<string, Omit<Operation, "method" | "path">>>;
  components?: { schemas?: Record<string, Schema> };
}

export function operationsByTag({ paths }: OpenApi): Map<string, Operation[]> {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Operation => ({
      ...operation,
      path,
      method: method.toUpperCase(),
    })),
  );
  return Map.groupBy(all, ({ tags }) => tags?.[0] ?? "other");
}

export function schemaIn(part: Content | undefined): Schema | undefined {
  return Object.values(part?.content ?? {})[0]?.schema;
}

const REF = "#/components/schemas/";

export function resolve(schema: Schema, document: OpenApi): Schema {
  const name = schema.$ref?.slice(REF.length);
  return name === undefined ? schema : (document.components?.schemas?.[name] ?? {});
}

/** "text, at most 128 characters"; what it holds is told by the rows below it. */
export function typeInWords(given: Schema, document: OpenApi): string {
  const schema = resolve(given, document);
  const choices = schema.anyOf ?? schema.oneOf;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.type === undefined && choices) {
    return choices.map((choice) => typeInWords(choice, document)).join(", or ");
  }
  const types = [schema.type ?? "any"].flat();
  const words = types.map((type) => {
    if (type === "array") return `list of ${typeInWords(schema.items ?? {}, document)}`;
    return type === "string" ? "text" : type;
  });
  return [words.join(" or "), ...limitsOf(schema)].join(", ");
}

function limitsOf(schema: Schema): string[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  // Zod says "a safe integer" by these two.
  const isSafe = (value: number) => Math.abs(value) === Number.MAX_SAFE_INTEGER;
  return [
    minimum === undefined || isSafe(minimum) ? "" : `at least ${minimum}`,
    maximum === undefined || isSafe(maximum) ? "" : `at most ${maximum}`,
    minLength === undefined ? "" : `at least ${minLength} characters`,
    maxLength === undefined ? "" : `at most ${maxLength} characters`,
    minItems === undefined ? "" : `at least ${minItems}`,
    maxItems === undefined ? "" : `at most ${maxItems}`,
    pattern === undefined ? "" : `of the form ${pattern}`,
  ].filter((text) => text !== "");
}

export interface FieldRow {
  name: string;
  depth: number;
  isRequired: boolean;
  schema: Schema;
}

const MAX_DEPTH = 4;

/** The fields of an object, those of objects inside of it below them. */
export function fieldRows(given: Schema, document: OpenApi, depth = 0): FieldRow[] {
  const schema = resolve(given, document);
  if (depth > MAX_DEPTH) return [];
  if (schema.items) return fieldRows(schema.items, document, depth);
  const choices = schema.properties ? [] : (schema.anyOf ?? schema.oneOf ?? schema.allOf ?? []);
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
    { name, depth, isRequired: schema.required?.includes(name) ?? false, schema: inner },
    ...fieldRows(inner, document, depth + 1),
  ]);
  // One and a list of the same: said once.
  const seen = new Set<string>();
  const chosen = choices
    .flatMap((choice) => fieldRows(choice, document, depth))
    .filter(({ name, depth: at }) => {
      const isNew = !seen.has(`${at} ${name}`);
      seen.add(`${at} ${name}`);
      return isNew;
    });
  return [...own, ...chosen];
}

/** A body to begin with: what is required, with its example. */
export function sampleOf(given: Schema | undefined, document: OpenApi, depth = 0): unknown {
  const schema = given ? resolve(given, document) : {};
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [choice] = schema.anyOf ?? schema.oneOf ?? [];
  if (!schema.properties && choice && depth < MAX_DEPTH)
    return sampleOf(choice, document, depth + 1);
  const [type] = [schema.type ?? "object"].flat();
  if (type === "array") return [];
  if (type === "string") return "";
  if (type === "integer" || type === "number") return schema.minimum ?? 0;
  if (type === "boolean") return false;
  const required = Object.entries(schema.properties ?? {}).filter(([name]) =>
    schema.required?.includes(name),
  );
  return Object.fromEntries(
    required.map(([name, inner]) => [name, sampleOf(inner, document, depth + 1)]),
  );
}
