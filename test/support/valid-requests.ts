// Requests that are valid by an OpenAPI document, from one end of what it allows to the other; and
// values that break one of its rules by a little.
import { JsonWriter } from "../wire/seeded-random.ts";
import type { ApiDescription, ApiOperation, ApiParameter, JsonSchema } from "./api-operations.ts";
import { SchemaJudge } from "./json-schema.ts";
import { TextOfPattern } from "./text-of-pattern.ts";

export interface ValidRequest {
  operation: ApiOperation;
  /** By the name of the parameter. */
  parameters: Map<string, unknown>;
  body: unknown;
}

/** By the name of a field: a value that also keeps the rules that no schema can say. */
export type Known = (name: string, schema: JsonSchema) => unknown;

const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e9,
  "",
  " ",
  "x",
  [],
  {},
  [null],
  { a: 1 },
];
const ODD_PIECES = [" ", "\u0000", "\n", "#", "{", "é", "💥", "/", "=", "-", "--", ".", "..", "%", "v1,", "WHSEC_", "0", "9", "Z", "x".repeat(200)]; // prettier-ignore

export class ValidRequests {
  readonly judge: SchemaJudge;
  readonly #random: () => number;
  readonly #writer: JsonWriter;
  readonly #patterns = new Map<string, TextOfPattern>();

  constructor(
    random: () => number,
    { schemas }: ApiDescription,
    private readonly known: Known,
  ) {
    this.judge = new SchemaJudge(schemas);
    this.#random = random;
    this.#writer = new JsonWriter(random);
  }

  of(operation: ApiOperation): ValidRequest {
    const parameters = new Map<string, unknown>();
    for (const { name, required, schema } of operation.parameters) {
      if (!required && this.#chance(0.5)) continue;
      const value = this.value(schema, name);
      if (value !== undefined) parameters.set(name, value);
    }
    const body = operation.body === null ? undefined : this.value(operation.body, "");
    return { operation, parameters, body };
  }

  /** Valid by the schema. Undefined: `known` has none for this field, which is left out. */
  value(given: JsonSchema, name: string): unknown {
    const schema = this.judge.resolved(given);
    for (let attempt = 0; attempt < 1_000; attempt++) {
      const value = this.known(name, schema) ?? this.#draft(schema, name);
      if (value === undefined || this.judge.accepts(schema, value)) return value;
    }
    throw new Error(`no value was found for ${name}: ${JSON.stringify(schema)}`);
  }

  /** One value of it changed, which may break a rule. `at` names the field or parameter. */
  changed(request: ValidRequest): { request: ValidRequest; at: string } {
    const parameter = this.#pickOr(request.operation.parameters.filter(isAny), null);
    if (parameter !== null && (request.body === undefined || this.#chance(0.3))) {
      const parameters = new Map(request.parameters);
      parameters.set(parameter.name, this.#otherParameter(parameter, parameters));
      return { request: { ...request, parameters }, at: parameter.name };
    }
    const { value, at } = this.#other(request.body, "");
    return { request: { ...request, body: value }, at };
  }

  isValid({ operation, parameters, body }: ValidRequest): boolean {
    return (
      operation.parameters.every(({ name, required, schema }) =>
        parameters.has(name) ? this.judge.accepts(schema, parameters.get(name)) : !required,
      ) &&
      (operation.body === null || this.judge.accepts(operation.body, body))
    );
  }

  #draft(schema: JsonSchema, name: string): unknown {
    // What only requires one field or another is judged, not made.
    const choices = (schema.anyOf ?? schema.oneOf)?.filter(
      (choice) => !choice.required || choice.type || choice.$ref,
    );
    if (choices?.length) return this.value({ ...this.#pick(choices), ...typeOf(schema) }, name);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return this.#pick(schema.enum);
    switch (this.#pick([schema.type ?? "object"].flat())) {
      case "null":
        return null;
      case "boolean":
        return this.#chance(0.5);
      case "integer":
      case "number": {
        const { minimum: min = -1e6, maximum: max = 1e6 } = schema;
        return this.#pick([min, max, min + Math.floor(this.#random() * (max - min + 1))]);
      }
      case "string":
        return this.#text(schema);
      case "array":
        return this.#array(schema, name);
      default:
        return this.#object(schema);
    }
  }

  #text(schema: JsonSchema): string {
    const { pattern, minLength = 0, maxLength = 64 } = schema;
    const isWanted = (text: string) => {
      const length = Array.from(text).length;
      return length >= minLength && length <= (schema.maxLength ?? Infinity);
    };
    if (pattern !== undefined) {
      const texts = this.#patterns.get(pattern) ?? new TextOfPattern(pattern, this.#random);
      this.#patterns.set(pattern, texts);
      return texts.next(isWanted);
    }
    const length = this.#pick([minLength, maxLength, Math.floor(this.#random() * maxLength)]);
    return this.#pick(["x", "💥", "é", "\u2028", " ", '"', "\u0000"]).repeat(length);
  }

  #array(schema: JsonSchema, name: string): unknown[] {
    const { minItems = 0, maxItems = 5, items = {} } = schema;
    const most = Math.min(maxItems, minItems + 4);
    const length = this.#chance(0.02) ? maxItems : minItems + this.#upTo(most - minItems + 1);
    const made = Array.from({ length }, () => this.value(items, name));
    if (schema.uniqueItems !== true) return made;
    return [...new Map(made.map((item) => [JSON.stringify(item), item])).values()];
  }

  #object(schema: JsonSchema): Record<string, unknown> {
    const members = Object.entries(schema.properties ?? {})
      .filter(([name]) => (schema.required?.includes(name) ?? false) || this.#chance(0.35))
      .map(([name, one]) => [name, this.value(one, name)] as const);
    const extra = schema.additionalProperties;
    if (typeof extra === "object") {
      for (let n = this.#upTo(Math.min(4, schema.maxProperties ?? 4)); n > 0; n--) {
        const name = this.value({ type: "string", ...schema.propertyNames }, "");
        // Names of headers, which the description wants in one spelling.
        const isNew = members.every(
          ([other]) => other.toLowerCase() !== String(name).toLowerCase(),
        );
        if (isNew) members.push([String(name), this.value(extra, "")]);
      }
    } else if (extra !== false) {
      for (let n = this.#upTo(3); n > 0; n--) {
        members.push([`x${n}`, JSON.parse(this.#writer.value(3))]);
      }
    }
    return Object.fromEntries(members.filter(([, value]) => value !== undefined));
  }

  #otherParameter(
    { name, in: place, schema }: ApiParameter,
    parameters: Map<string, unknown>,
  ): unknown {
    const { minimum, maximum } = schema;
    // In a URL all is text; a number is one in more than one spelling.
    if (minimum !== undefined) return this.#pick([minimum - 1, (maximum ?? 0) + 1, 0.5, "many"]);
    const value = parameters.get(name) ?? this.value(schema, name);
    const text = this.#otherText(typeof value === "string" ? value : "x");
    // RFC 9110 §5.5: others are in no header, and blanks around one are none of it.
    return place === "header" ? text.replaceAll(/[^ -~]/g, "").trim() : text;
  }

  #other(value: unknown, at: string): { value: unknown; at: string } {
    if (this.#chance(0.2)) return { value: this.#pick(ODD), at };
    if (typeof value === "string") return { value: this.#otherText(value), at };
    if (typeof value === "number") {
      return { value: value + this.#pick([-1, 1, 0.5, -1e6, 1e6, 1e15]), at };
    }
    if (Array.isArray(value)) {
      const items: readonly unknown[] = value;
      const index = this.#upTo(items.length);
      if (items.length === 0 || this.#chance(0.3)) {
        const copies = this.#pick([0, 2, 51, 101, 201, 1_001]);
        return { value: Array.from({ length: copies }, () => items[index] ?? "x"), at };
      }
      const inner = this.#other(items[index], at);
      return { value: items.with(index, inner.value), at: inner.at };
    }
    if (typeof value !== "object" || value === null) return { value: this.#pick(ODD), at };
    const members = Object.entries(value);
    const [name, inner] = this.#pickOr(members, null) ?? [null, null];
    const rest = members.filter(([other]) => other !== name);
    switch (name === null ? 0 : this.#upTo(6)) {
      case 0: {
        const added = this.#pick([
          "user_id",
          "org_id",
          "all",
          "secrets",
          "Host",
          "é",
          "a b",
          "x-a",
        ]);
        return { value: { ...value, [added]: this.#pick(["u_1", true, 1]) }, at: at || added };
      }
      case 1:
        return { value: Object.fromEntries(rest), at };
      default: {
        const other = this.#other(inner, at || (name ?? ""));
        return { value: Object.fromEntries([...rest, [name, other.value]]), at: other.at };
      }
    }
  }

  #otherText(text: string): string {
    const at = this.#upTo(text.length + 1);
    const piece = this.#pick(ODD_PIECES);
    return this.#pick([
      text.slice(0, at) + piece + text.slice(at),
      piece + text,
      text + piece,
      text.slice(0, at) + text.slice(at + 1),
      text.repeat(this.#pick([2, 20, 200])),
    ])
      .slice(0, 4_000)
      .toWellFormed();
  }

  #pick<T>(values: readonly T[]): T {
    return this.#writer.pick(values);
  }

  #pickOr<T, E>(values: readonly T[], otherwise: E): T | E {
    return values.length === 0 ? otherwise : this.#pick(values);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #upTo(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

function isAny({ in: place }: ApiParameter): boolean {
  return place !== "path";
}

/** Of a schema whose choices say no type of their own. */
function typeOf({ type }: JsonSchema): Partial<JsonSchema> {
  return type === undefined ? {} : { type };
}
