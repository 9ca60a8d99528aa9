// Whether a value is valid by a JSON Schema (2020-12), for the words that our OpenAPI document uses. An
// unknown one throws: a rule that the test cannot read is no rule that it has tried.
import type { JsonSchema } from "./api-operations.ts";

const READ = new Set([
  "$ref", "type", "enum", "const", "anyOf", "oneOf", "allOf", "not", "properties", "required",
  "additionalProperties", "propertyNames", "minProperties", "maxProperties", "items", "minItems",
  "maxItems", "uniqueItems", "minimum", "maximum", "minLength", "maxLength", "pattern",
]); // prettier-ignore
const NOT_RULES = new Set(["description", "example", "examples", "default", "format"]);

export class SchemaJudge {
  constructor(private readonly schemas: Record<string, JsonSchema>) {}

  resolved(schema: JsonSchema): JsonSchema {
    return schema.$ref ? (this.schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {}) : schema;
  }

  accepts(given: JsonSchema, value: unknown): boolean {
    const schema = this.resolved(given);
    const unread = Object.keys(schema).find((word) => !READ.has(word) && !NOT_RULES.has(word));
    if (unread !== undefined) throw new Error(`the schema says ${unread}, which is not read here`);
    const isOf = (one: JsonSchema) => this.accepts(one, value);
    return (
      this.#hasType(schema, value) &&
      (schema.enum?.includes(value) ?? true) &&
      (schema.const === undefined || schema.const === value) &&
      (schema.anyOf?.some(isOf) ?? true) &&
      (schema.allOf?.every(isOf) ?? true) &&
      (schema.oneOf === undefined || schema.oneOf.filter(isOf).length === 1) &&
      (schema.not === undefined || !isOf(schema.not)) &&
      this.#isRightInside(schema, value)
    );
  }

  #hasType({ type }: JsonSchema, value: unknown): boolean {
    if (type === undefined) return true;
    return [type].flat().some((name) => {
      if (name === "integer") return Number.isInteger(value);
      if (name === "array") return Array.isArray(value);
      if (name === "null") return value === null;
      if (name === "object") return isObject(value);
      return typeof value === name;
    });
  }

  #isRightInside(schema: JsonSchema, value: unknown): boolean {
    if (typeof value === "string") {
      // JSON Schema, "maxLength": characters, not UTF-16 units.
      const length = Array.from(value).length;
      return (
        length >= (schema.minLength ?? 0) &&
        length <= (schema.maxLength ?? Infinity) &&
        (schema.pattern === undefined || new RegExp(schema.pattern, "u").test(value))
      );
    }
    if (typeof value === "number") {
      return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity);
    }
    if (Array.isArray(value)) {
      const items: readonly unknown[] = value;
      const distinct = new Set(items.map((item) => JSON.stringify(item))).size;
      return (
        items.length >= (schema.minItems ?? 0) &&
        items.length <= (schema.maxItems ?? Infinity) &&
        (schema.uniqueItems !== true || distinct === items.length) &&
        items.every((item) => schema.items === undefined || this.accepts(schema.items, item))
      );
    }
    return !isObject(value) || this.#hasRightMembers(schema, value);
  }

  #hasRightMembers(schema: JsonSchema, value: Record<string, unknown>): boolean {
    const { properties = {}, additionalProperties = true, propertyNames } = schema;
    const names = Object.keys(value);
    return (
      names.length >= (schema.minProperties ?? 0) &&
      names.length <= (schema.maxProperties ?? Infinity) &&
      (schema.required ?? []).every((name) => Object.hasOwn(value, name)) &&
      names.every((name) => propertyNames === undefined || this.accepts(propertyNames, name)) &&
      names.every((name) => {
        const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
        if (own !== undefined) return this.accepts(own, value[name]);
        if (typeof additionalProperties === "boolean") return additionalProperties;
        return this.accepts(additionalProperties, value[name]);
      })
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
