// All dialects by name. A new dialect needs its file, and its import and line here (CONTRIBUTING.md, "A dialect").
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

/** Returns the name of a dialect's body in the OpenAPI document and the SDK, such as `FluxdropEvent`. */
export function eventSchemaName(name: DialectName): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}Event`;
}

/** Returns the names of the dialects' own headers, which custom headers cannot use. */
export function headersOf(dialects: readonly Dialect[]): string[] {
  return dialects.flatMap(({ headers, ownSignature }) => [
    ...Object.keys(headers),
    ...(ownSignature === null ? [] : [ownSignature.header]),
  ]);
}

/** The event types that the dialects define. */
export const CATALOGUE: ReadonlySet<string> = new Set(
  Object.values<Dialect>(byName).flatMap(({ catalogue }) => catalogue),
);

/** `FLUXHOOK_EVENT_TYPES`: any type, those of the catalogue, or the given ones. */
export type EventTypes = "open" | "catalogue" | ReadonlySet<string>;

/** Converts the setting for `EventLimits`. Without a catalogue of the operator's own, it is the dialects'. */
export function acceptedEventTypes(
  setting: EventTypes,
  own: readonly { name: string }[] = [],
): "open" | ReadonlySet<string> {
  if (setting !== "catalogue") return setting;
  return own.length > 0 ? new Set(own.map(({ name }) => name)) : CATALOGUE;
}
