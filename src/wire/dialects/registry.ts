// All dialects by name. A new one is its file and its line here.
import type { Dialect } from "./dialect.ts";
import { flux } from "./flux.ts";
import { fluxdesk } from "./fluxdesk.ts";
import { fluxdrop } from "./fluxdrop.ts";
import { standard } from "./standard.ts";

const byName = {
  fluxdrop,
  fluxdesk,
  flux,
  standard,
} satisfies Record<string, Dialect>;

export type DialectName = keyof typeof byName;
export const DIALECT_NAMES = Object.keys(byName) as [DialectName, ...DialectName[]];

export function dialectOf(name: DialectName): Dialect {
  return byName[name];
}

/** What the body of a dialect is called in the OpenAPI document and in the SDK: `FluxdropEvent`. */
export function eventSchemaName(name: DialectName): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}Event`;
}

/** The names of all headers that dialects have for themselves: nobody else may set them. */
export function headersOf(dialects: readonly Dialect[]): string[] {
  return dialects.flatMap(({ headers, ownSignature }) => [
    ...Object.keys(headers),
    ...(ownSignature === null ? [] : [ownSignature.header]),
  ]);
}

/** What `FLUXHOOK_EVENT_TYPES=catalogue` accepts: every event type that any dialect names. */
export const CATALOGUE: ReadonlySet<string> = new Set(
  Object.values<Dialect>(byName).flatMap(({ catalogue }) => catalogue),
);

/** `FLUXHOOK_EVENT_TYPES`: any type, every type that a dialect names, or these. */
export type EventTypes = "open" | "catalogue" | ReadonlySet<string>;

/** The setting as the reader of elements takes it. */
export function acceptedEventTypes(setting: EventTypes): "open" | ReadonlySet<string> {
  return setting === "catalogue" ? CATALOGUE : setting;
}
