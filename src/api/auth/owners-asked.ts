// Whose things a request is about: the owners that it names, else the caller's own, else those of everybody.
import { ownerRef, type OwnerRef } from "../../wire/owner.ts";
import type { Principal } from "../http/env.ts";
import { maySee } from "./authenticate.ts";

/** Returns null for all owners; `hidden` if the caller may not see one that the request names. */
export function ownersAsked(
  principal: Principal,
  { user_id, org_id }: { user_id?: string; org_id?: string },
): OwnerRef[] | null | "hidden" {
  const owners: OwnerRef[] = [];
  if (user_id !== undefined) owners.push(ownerRef("user", user_id));
  if (org_id !== undefined) owners.push(ownerRef("org", org_id));
  if (!owners.every((owner) => maySee(principal, owner))) return "hidden";
  if (owners.length > 0) return owners;
  return principal.kind === "owner" ? [principal.owner] : null;
}
