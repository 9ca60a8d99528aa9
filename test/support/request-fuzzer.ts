// Random and mutated requests to every route of an API, made from its OpenAPI document: the same ones
// for the same seed. Each is framed as HTTP wants it; what stands in the frame is odd all over, in one
// place alone, or not at all: the last two come past the checks, to where the first seldom come.
import { JsonWriter } from "../wire/seeded-random.ts";
import type { ApiDescription, ApiOperation, JsonSchema } from "./api-operations.ts";
import {
  CONTENT_TYPES,
  LIKELY,
  LONG,
  METHODS,
  ODD_HEADERS,
  ODD_KEYS,
  ODD_TEXTS,
  ODD_VALUES,
  PATH_PIECES,
  QUERY_VALUES,
} from "./odd-values.ts";

export interface FuzzedRequest {
  bytes: Buffer;
  isHead: boolean;
  /** For the message of a failure. */
  summary: string;
}

export interface Known {
  /** Values of the Authorization header that are accepted. */
  authorizations: readonly string[];
  /** By the name of a parameter or field, what is there: ids of webhooks, names of owners. */
  values: Record<string, readonly string[]>;
}

export class RequestFuzzer {
  readonly #random: () => number;
  readonly #writer: JsonWriter;
  /** How many oddities the request may still have. */
  #odditiesLeft = 0;

  constructor(
    random: () => number,
    private readonly api: ApiDescription,
    private readonly known: Known,
  ) {
    this.#random = random;
    this.#writer = new JsonWriter(random);
  }

  next(): FuzzedRequest {
    const where = this.#pick(["nowhere", "body", "anywhere", "everywhere"]);
    const inBody = where === "body" ? 1 : 0;
    this.#odditiesLeft = where === "everywhere" ? Infinity : where === "anywhere" ? 1 : 0;
    const first = this.#pick(this.api.operations);
    // Rarely: with nothing there, the other routes would only say so.
    const operation =
      first.method === "DELETE" && this.#chance(0.8) ? this.#pick(this.api.operations) : first;
    const method = this.#odd(0.15) ? this.#pick(METHODS) : operation.method;
    const target = this.#path(operation) + this.#query(operation);
    const hasBody = this.#odd(0.15) ? operation.body === null : operation.body !== null;
    this.#odditiesLeft += inBody;
    const body = hasBody ? this.#body(operation.body ?? {}) : null;
    this.#odditiesLeft -= Math.min(this.#odditiesLeft, inBody);
    const lines = this.#headers(operation, body !== null);
    const frame = body === null ? null : this.#framed(body);
    if (frame) lines.push(frame.header);
    const head = Buffer.from(
      `${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`,
      "latin1",
    );
    return {
      bytes: frame ? Buffer.concat([head, frame.bytes]) : head,
      isHead: method === "HEAD",
      summary: `${head.toString("latin1").slice(0, 600)}${body?.toString().slice(0, 600) ?? ""}`,
    };
  }

  #path(operation: ApiOperation): string {
    let path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      this.#odd(0.6) ? this.#pathPiece() : encodeURIComponent(this.#known(name)),
    );
    if (this.#odd(0.12)) {
      const at = Math.floor(this.#random() * path.length);
      path = `${path.slice(0, at)}${this.#pathPiece()}${path.slice(at)}`;
    }
    return path.startsWith("/") ? path : `/${path}`;
  }

  #pathPiece(): string {
    return Array.from({ length: 1 + this.#upTo(2) }, () => this.#pick(PATH_PIECES)).join("");
  }

  #query(operation: ApiOperation): string {
    const names = [
      ...operation.queryParameters,
      ...operation.queryParameters,
      ...ODD_KEYS.slice(0, 5),
    ];
    const wanted = operation.queryParameters.length > 0 ? this.#upTo(4) : this.#upTo(1.15);
    if (wanted === 0) return "";
    const parts = Array.from({ length: wanted }, () => {
      const name = this.#pick(names);
      if (this.#odd(0.1)) return this.#pick(["&", "=", "?", "#", "a[]=1", "%"]);
      const isKnown = name in this.known.values && !this.#odd(0.6);
      return `${name}=${isKnown ? encodeURIComponent(this.#known(name)) : this.#pick(QUERY_VALUES)}`;
    });
    return `?${parts.join("&")}`;
  }

  #headers(operation: ApiOperation, hasBody: boolean): string[] {
    const lines = [];
    if (!this.#odd(0.02)) lines.push("Host: localhost");
    if (!this.#odd(0.05)) lines.push(`Authorization: ${this.#authorization()}`);
    if (hasBody && !this.#odd(0.05)) {
      const type = this.#odd(0.2) ? this.#pick(CONTENT_TYPES) : "application/json";
      lines.push(`Content-Type: ${type}`);
    }
    for (const name of operation.headerParameters) {
      if (this.#chance(0.3)) lines.push(`${name}: k-${this.#upTo(50)}`);
    }
    const odd = this.#odd(0.3) ? 1 + this.#upTo(3) : 0;
    for (let n = 0; n < odd; n++) {
      const [name, values] = this.#pick(ODD_HEADERS);
      lines.push(`${name}: ${this.#pick(values)}`);
    }
    return lines;
  }

  #authorization(): string {
    const right = this.#pick(this.known.authorizations);
    if (!this.#odd(0.06)) return right;
    return this.#pick([
      right.slice(0, -1),
      `${right}\xff`,
      "Bearer",
      "Bearer ",
      "Basic eDp5",
      `Bearer ${LONG}`,
      "\x80",
    ]);
  }

  #framed(body: Buffer): { header: string; bytes: Buffer } {
    if (this.#chance(0.8)) return { header: `Content-Length: ${body.length}`, bytes: body };
    const cuts = Array.from({ length: this.#upTo(4) }, () => this.#upTo(body.length)).toSorted(
      (a, b) => a - b,
    );
    const chunks = [0, ...cuts]
      .map((from, at) => body.subarray(from, cuts[at] ?? body.length))
      .filter((chunk) => chunk.length > 0)
      .flatMap((chunk) => [
        Buffer.from(`${chunk.length.toString(16)}\r\n`),
        chunk,
        Buffer.from("\r\n"),
      ]);
    return {
      header: "Transfer-Encoding: chunked",
      bytes: Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")]),
    };
  }

  #body(schema: JsonSchema): Buffer {
    const text = this.#odd(0.1) ? this.#writer.value(4) : this.#value(schema, "", 0);
    const bytes = Buffer.from(text);
    if (bytes.length === 0 || !this.#odd(0.2)) return bytes;
    const at = this.#upTo(bytes.length);
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at);
    switch (this.#upTo(5)) {
      case 0:
        return before;
      case 1:
        return Buffer.concat([before, Buffer.from([this.#upTo(256)]), after]);
      case 2:
        return Buffer.concat([before, after, after]);
      case 3:
        return Buffer.concat([Buffer.from("\ufeff"), bytes]);
      default: {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << this.#upTo(8));
        return flipped;
      }
    }
  }

  /** A value that the schema takes, mostly; as JSON text. `name` is the field that it is for. */
  #value(given: JsonSchema, name: string, depth: number): string {
    if (depth > 0 && this.#odd(0.25)) return this.#pick(ODD_VALUES);
    const schema = given.$ref
      ? (this.api.schemas[given.$ref.split("/").at(-1) ?? ""] ?? {})
      : given;
    // Beside a type they only say which fields go together, or which forms a text has.
    const choices = schema.type ? undefined : (schema.anyOf ?? schema.oneOf ?? schema.allOf);
    if (choices) return this.#value(this.#pick(choices), name, depth);
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) return JSON.stringify(this.#pick(schema.enum));
    const types = [schema.type ?? "object"].flat();
    switch (this.#pick(types)) {
      case "object":
        return this.#object(schema, depth);
      case "array": {
        const items = Array.from({ length: this.#upTo(4) }, () =>
          this.#value(schema.items ?? {}, name, depth + 1),
        );
        return `[${items.join(",")}]`;
      }
      case "integer":
      case "number":
        return this.#pick([
          "0",
          "1",
          "24",
          "1000",
          String(schema.minimum ?? -1),
          String(schema.maximum ?? 1e9),
        ]);
      case "boolean":
        return this.#pick(["true", "false"]);
      case "null":
        return "null";
      default:
        return this.#string(name);
    }
  }

  #string(name: string): string {
    // Each another one, since an owner has a url but once.
    if (name === "url" && !this.#odd(0.3)) return `"https://receiver.invalid/${this.#upTo(1e9)}"`;
    const likely = LIKELY[name];
    if (likely) return JSON.stringify(this.#odd(0.3) ? this.#pick(likely) : likely[0]);
    if (this.#odd(0.4)) return this.#chance(0.5) ? this.#pick(ODD_TEXTS) : this.#writer.string();
    return JSON.stringify(name in this.known.values ? this.#known(name) : `u_${this.#upTo(1e6)}`);
  }

  #object(schema: JsonSchema, depth: number): string {
    const properties = { ...schema.properties };
    // Either of them is what most objects want; the schema cannot say so.
    if ("user_id" in properties && "org_id" in properties && !this.#odd(0.1)) {
      delete properties[this.#pick(["user_id", "org_id"])];
    }
    // In no fixed order: else the first field would be the odd one nearly always.
    const members = this.#shuffled(Object.entries(properties))
      .filter(([name]) =>
        schema.required?.includes(name) || name.endsWith("_id")
          ? !this.#odd(0.06)
          : this.#chance(0.25),
      )
      .map(([name, one]) => `${JSON.stringify(name)}:${this.#value(one, name, depth + 1)}`);
    if (this.#odd(schema.properties ? 0.15 : 0.5)) {
      members.push(
        `${JSON.stringify(this.#pick(ODD_KEYS))}:${this.#value({ type: "string" }, "", 1)}`,
      );
    }
    if (members[0] && this.#odd(0.06)) members.push(members[0]);
    return `{${members.join(",")}}`;
  }

  #pick<T>(values: readonly T[]): T {
    return this.#writer.pick(values);
  }

  #shuffled<T>(values: readonly T[]): T[] {
    return values
      .map((value) => ({ value, at: this.#random() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ value }) => value);
  }

  /** What is there by this name. */
  #known(name: string): string {
    return this.#pick(this.known.values[name] ?? Object.values(this.known.values).flat());
  }

  #odd(probability: number): boolean {
    if (this.#odditiesLeft === 0 || !this.#chance(probability)) return false;
    this.#odditiesLeft -= 1;
    return true;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #upTo(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
