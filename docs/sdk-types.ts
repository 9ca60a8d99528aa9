// The SDK's types out of the OpenAPI document: each schema that src/sdk imports, as an exported type by
// its own name, with its descriptions as comments. test/sdk/generated-types.test.ts notices a drift.
import { join } from "node:path";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import ts from "typescript";
import { DATA, EVENT_TYPE } from "../src/wire/dialects/dialect.ts";
import { DIALECT_NAMES, dialectOf, eventSchemaName } from "../src/wire/dialects/registry.ts";
import { openApiDocument } from "./openapi-document.ts";

const SDK = join(import.meta.dir, "../src/sdk");
const MADE = "// Made by docs/generate.ts from the OpenAPI document: do not edit.\n";

interface Schema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  pattern?: string;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  [keyword: string]: unknown;
}

/** The generated files by their paths, formatted. */
export async function sdkTypes(): Promise<Record<string, string>> {
  const { components } = openApiDocument();
  const schemas = Object.entries(components?.schemas ?? {}) as [string, Schema][];
  const bodies = new Set(DIALECT_NAMES.map(eventSchemaName));
  const named = await namedByTheSdk(schemas);
  const files = {
    "api-types.ts": [
      `// What the API takes and answers.\n${MADE}`,
      await declarations(schemas.filter(([name]) => named.has(name))),
    ],
    "webhook-events.ts": [
      `// The bodies that receivers get, one per dialect (docs/design.md §2.3).\n${MADE}`,
      await declarations(schemas.filter(([name]) => bodies.has(name)).map(withTypeParameters)),
      "/** The return type of `verify` without a type parameter. */",
      `export type WebhookEvent = ${[...bodies].join(" | ")};`,
    ],
  };
  return Object.fromEntries(
    await Promise.all(
      Object.entries(files).map(async ([name, parts]) => {
        const path = join(SDK, name);
        return [path, await formatted(parts.join("\n"), path)] as const;
      }),
    ),
  );
}

/** The schemas that a file of src/sdk imports, and those that they refer to. */
async function namedByTheSdk(schemas: readonly [string, Schema][]): Promise<Set<string>> {
  const files = [...new Bun.Glob("*.ts").scanSync(SDK)].map((file) => Bun.file(join(SDK, file)));
  const sources = (await Promise.all(files.map((file) => file.text()))).join("\n");
  const imports = [...sources.matchAll(/type \{([^}]*)\} from "\.\/api-types\.ts"/g)];
  const names = imports.flatMap(([, list = ""]) => list.split(","));
  // `Problem as Answered`; the last comma has nothing behind it.
  const all = new Set(names.flatMap((name) => name.match(/\w+/)?.[0] ?? []));
  for (const name of all) {
    const [, schema] = schemas.find(([one]) => one === name) ?? [];
    if (schema === undefined) throw new Error(`the OpenAPI document has no schema ${name}`);
    const references = JSON.stringify(schema).matchAll(/#\/components\/schemas\/(\w+)/g);
    for (const [, reference = ""] of references) all.add(reference);
  }
  return all;
}

const TYPE_PARAMETER = "x-type-parameter";
const PARAMETERS = { Type: "Type extends string = string", Data: "Data = Record<string, unknown>" };

/** The event type and the data of a body are the receiver's to narrow. */
function withTypeParameters([name, schema]: [string, Schema]): [string, Schema] {
  const { body } = dialectOf(DIALECT_NAMES.find((one) => eventSchemaName(one) === name) ?? never());
  const properties = Object.entries(schema.properties ?? {}).map(([key, member]) => {
    const parameter = body[key] === EVENT_TYPE ? "Type" : body[key] === DATA ? "Data" : null;
    return [key, parameter === null ? member : { ...member, [TYPE_PARAMETER]: parameter }] as const;
  });
  return [name, { ...schema, properties: Object.fromEntries(properties) }];
}

async function declarations(schemas: readonly [string, Schema][]): Promise<string> {
  const document = {
    openapi: "3.1.0",
    info: { title: "", version: "" },
    paths: {},
    components: {
      schemas: Object.fromEntries(schemas.map(([name, schema]) => [name, forTypes(schema)])),
    },
  };
  const nodes = await openapiTS(document as unknown as OpenAPI3, {
    // What has a default may be left out of a request.
    defaultNonNullable: false,
    transform: (schema) => specialType(schema as Schema),
  });
  return membersOf(nodes).map(declaration).join("\n");
}

/** Keeps what makes the type, and the descriptions; the rest only checks values. */
function forTypes(schema: Schema): Schema {
  const { type, enum: values, $ref, required, additionalProperties, pattern } = schema;
  const typed: Schema = { type, enum: values, const: schema["const"], $ref, required };
  typed.description = described(schema);
  if (pattern !== undefined && BEGINNING.test(pattern)) typed.pattern = pattern;
  typed[TYPE_PARAMETER] = schema[TYPE_PARAMETER];
  if (schema.items) typed.items = forTypes(schema.items);
  if (schema.properties) {
    const properties = Object.entries(schema.properties);
    typed.properties = Object.fromEntries(properties.map(([key, one]) => [key, forTypes(one)]));
  }
  if (typeof additionalProperties === "object") {
    typed.additionalProperties = forTypes(additionalProperties);
  } else if (additionalProperties === true) {
    typed.additionalProperties = true;
  }
  for (const either of ["anyOf", "oneOf"] as const) {
    // Some alternatives tell only which fields go together, or how a text looks.
    const kinds = schema[either]?.filter((one) => "type" in one || "$ref" in one || "enum" in one);
    if (kinds && kinds.length > 0) typed[either] = kinds.map(forTypes);
  }
  return Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined));
}

/** Returns the description as a sentence, and the default. */
function described({ description = "", default: fallback }: Schema): string | undefined {
  const parts: string[] = [];
  if (description !== "") parts.push(description.charAt(0).toUpperCase() + description.slice(1));
  if (fallback !== undefined) parts.push(`Default: \`${JSON.stringify(fallback)}\``);
  const sentences = parts.map((part) => (/[.…]$/.test(part) ? part : `${part}.`));
  return sentences.length === 0 ? undefined : sentences.join(" ");
}

/** A pattern that is only the beginning of a text. */
const BEGINNING = /^\^(\w+)$/;

function specialType(schema: Schema): ts.TypeNode | undefined {
  const { [TYPE_PARAMETER]: parameter, pattern = "" } = schema;
  if (typeof parameter === "string") return ts.factory.createTypeReferenceNode(parameter);
  const [, beginning] = BEGINNING.exec(pattern) ?? [];
  if (beginning === undefined) return undefined;
  const string = ts.factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword);
  const span = ts.factory.createTemplateLiteralTypeSpan(string, ts.factory.createTemplateTail(""));
  return ts.factory.createTemplateLiteralType(ts.factory.createTemplateHead(beginning), [span]);
}

/** The schemas out of `interface components { schemas: { … } }`. */
function membersOf(nodes: readonly ts.Node[]): ts.PropertySignature[] {
  const components = nodes
    .filter((node) => ts.isInterfaceDeclaration(node))
    .find(({ name }) => name.text === "components");
  const schemas = components?.members
    .filter((member) => ts.isPropertySignature(member))
    .find((member) => nameOf(member) === "schemas")?.type;
  if (schemas === undefined || !ts.isTypeLiteralNode(schemas)) return never();
  return schemas.members.filter((member) => ts.isPropertySignature(member));
}

function nameOf({ name }: ts.PropertySignature): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : never();
}

/** An object is an interface, which an editor shows by its name; anything else is a type. */
function declaration(member: ts.PropertySignature): string {
  const comment = (ts.getSyntheticLeadingComments(member) ?? []).map(({ text }) => `/*${text}*/\n`);
  const type = astToString(member.type ?? never())
    .trim()
    .replaceAll(/components\["schemas"\]\["(\w+)"\]/g, "$1");
  const used = Object.entries(PARAMETERS).filter(([name]) => new RegExp(`: ${name};`).test(type));
  const parameters = used.length > 0 ? `<${used.map(([, text]) => text).join(", ")}>` : "";
  const head = `${nameOf(member)}${parameters}`;
  const text = ts.isTypeLiteralNode(member.type ?? never())
    ? `export interface ${head} ${type}\n`
    : `export type ${head} = ${type};\n`;
  return (comment.join("") + text)
    .replaceAll("@description ", "")
    .replaceAll(/\n *\* @(?:enum|constant|default|example)\b.*|@(?:enum|constant) .*?(?=\*\/)/g, "")
    .replaceAll(/ *\/\*\*\s*\*\/\n/g, "")
    .replaceAll(/\/\*\*\n *\* (.*)\n *\*\//g, "/** $1 */");
}

async function formatted(text: string, path: string): Promise<string> {
  const command = [process.execPath, "fmt", "--no-script", `--stdin-filepath=${path}`];
  const child = Bun.spawn(command, {
    cwd: join(import.meta.dir, ".."),
    stdin: Buffer.from(text),
    stderr: "inherit",
  });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${path} could not be formatted`);
  return output;
}

function never(): never {
  throw new Error("openapi-typescript writes its types in another way than this file expects");
}
