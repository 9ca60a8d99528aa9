// The routes of a running service, as its own /openapi.json tells them: tests that go through every
// route cannot forget one that is new.

export type JsonSchema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  required?: string[];
  not?: JsonSchema;
  propertyNames?: JsonSchema;
  minProperties?: number;
  maxProperties?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  description?: string;
  example?: unknown;
  examples?: unknown[];
  default?: unknown;
};

export interface ApiOperation {
  method: string;
  /** With its parameters in braces. */
  path: string;
  /** `POST /v1/webhooks`: what tables of tests name it by. */
  name: string;
  /** Needs a token. */
  isClosed: boolean;
  pathParameters: string[];
  queryParameters: string[];
  headerParameters: string[];
  parameters: ApiParameter[];
  body: JsonSchema | null;
}

export interface ApiParameter {
  name: string;
  in: string;
  required?: boolean;
  schema: JsonSchema;
}

interface OpenApiDocument {
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, JsonSchema> };
}

interface OpenApiOperation {
  security?: unknown[];
  parameters?: ApiParameter[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
}

export interface ApiDescription {
  operations: ApiOperation[];
  schemas: Record<string, JsonSchema>;
}

export async function describeApi(url: string): Promise<ApiDescription> {
  const response = await fetch(`${url}/openapi.json`);
  return readApi(await response.text());
}

export function readApi(text: string): ApiDescription {
  const document = JSON.parse(text) as OpenApiDocument;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]): ApiOperation => {
      const method = verb.toUpperCase();
      const named = (place: string) =>
        (operation.parameters ?? []).filter((p) => p.in === place).map(({ name }) => name);
      return {
        method,
        path,
        name: `${method} ${path}`,
        isClosed: operation.security === undefined,
        pathParameters: named("path"),
        queryParameters: named("query"),
        headerParameters: named("header"),
        parameters: operation.parameters ?? [],
        body: Object.values(operation.requestBody?.content ?? {})[0]?.schema ?? null,
      };
    }),
  );
  return { operations, schemas: document.components.schemas };
}
