// By whom the operator looks for things: a user, an organisation, or a webhook's id.
import { useState } from "preact/hooks";
import { queryOf } from "../owner.ts";
import { go, hashOf, route } from "../route.ts";
import type { Owner } from "../principal.ts";

interface OwnerSearchProps {
  owner: Owner | null;
  /** The route that gets the owner in its query. */
  to: string;
  hint: string;
}

export function OwnerSearch({ owner, to, hint }: OwnerSearchProps) {
  const [kind, setKind] = useState<Owner["kind"]>(owner?.kind ?? "user");
  const [id, setId] = useState(owner?.id ?? "");
  function search(event: Event): void {
    event.preventDefault();
    const wanted = id.trim();
    if (/^wh_[\w-]+$/.test(wanted) && to === "/webhooks") return go(hashOf(`/webhooks/${wanted}`));
    // The page's other filters stay; the owner in them is replaced.
    const { user_id: _user, org_id: _org, ...rest } = route.value.query;
    go(hashOf(to, { ...rest, ...queryOf(wanted === "" ? null : { kind, id: wanted }) }));
  }
  return (
    <form class="search" role="search" onSubmit={search}>
      <select
        aria-label="Whose"
        value={kind}
        onChange={({ currentTarget }) => setKind(currentTarget.value === "org" ? "org" : "user")}
      >
        <option value="user">User</option>
        <option value="org">Organisation</option>
      </select>
      <input
        type="search"
        data-search
        aria-label="Id"
        title={hint}
        placeholder={kind === "user" ? "user id" : "organisation id"}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        maxLength={128}
        value={id}
        onInput={({ currentTarget }) => setId(currentTarget.value)}
      />
      <button type="submit">Show</button>
      <p class="hint">{hint}</p>
    </form>
  );
}
