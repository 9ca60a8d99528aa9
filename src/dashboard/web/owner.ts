// Whose things a page shows: the session's owner, or the one that the operator named.
import { computed } from "@preact/signals";
import type { Query } from "./route.ts";
import type { Owner } from "./principal.ts";
import { session } from "./session.ts";

/** Null for the operator. */
export const ownOwner = computed(() => session.value?.owner ?? null);

export function ownerIn(query: Readonly<Record<string, string>>): Owner | null {
  if (ownOwner.value) return ownOwner.value;
  if (query.user_id) return { kind: "user", id: query.user_id };
  return query.org_id ? { kind: "org", id: query.org_id } : null;
}

/** For a route and for the API alike. */
export function queryOf(owner: Owner | null): Query {
  return owner === null ? {} : { [`${owner.kind}_id`]: owner.id };
}

export function ownerOfThing(thing: { user_id?: string; org_id?: string }): Owner {
  return thing.org_id === undefined
    ? { kind: "user", id: thing.user_id ?? "" }
    : { kind: "org", id: thing.org_id };
}

export function ownerInWords({ kind, id }: Owner): string {
  return `${kind === "user" ? "user" : "organisation"} ${id}`;
}

export function logsPath({ kind, id }: Owner): string {
  return `/v1/${kind}s/${encodeURIComponent(id)}/logs`;
}

export function searchOf(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given as [string, string][]).toString();
  return search === "" ? "" : `?${search}`;
}
