// Who gets in besides the operator: links to the portal, and the API keys of an owner.
import { ownerIn, ownerInWords, ownOwner, queryOf, searchOf } from "../owner.ts";
import { ApiKeys } from "../part/api-keys.tsx";
import { OwnerSearch } from "../part/owner-search.tsx";
import { Page } from "../part/page.tsx";
import { PortalLink } from "../part/portal-link.tsx";
import { Foreign } from "../part/text.tsx";
import { Writes } from "../part/writes.tsx";
import { route } from "../route.ts";

export function Access() {
  const own = ownOwner.value;
  if (own !== null) {
    return (
      <Page title="API keys">
        <ApiKeys owner={own} />
      </Page>
    );
  }
  const owner = ownerIn(route.value.query);
  return (
    <Page title="Access">
      <Writes>
        <PortalLink />
      </Writes>
      <section aria-label="API keys">
        <h2>
          API keys
          {owner !== null && (
            <>
              {" "}
              of <Foreign text={ownerInWords(owner)} />
            </>
          )}
        </h2>
        <OwnerSearch
          key={searchOf(queryOf(owner))}
          owner={owner}
          to="/access"
          hint="API keys belong to a user or to an organisation."
        />
        {owner !== null && <ApiKeys key={searchOf(queryOf(owner))} owner={owner} />}
      </section>
    </Page>
  );
}
