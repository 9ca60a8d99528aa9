// A link to the portal for one owner, and the lines that embed it.
import { useState } from "preact/hooks";
import { urlOf } from "../boot.ts";
import { call } from "../client.ts";
import { useAction } from "../load.ts";
import { queryOf } from "../owner.ts";
import { CodeLine } from "../part/code.tsx";
import { Field } from "../part/field.tsx";
import { OwnerFields } from "../part/owner-fields.tsx";
import { Trouble } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { say } from "../said.ts";
import type { Owner } from "../principal.ts";
import { clockTime } from "../time.ts";

interface Token {
  token: string;
  expires_at: string;
}

const LIFETIMES: readonly [seconds: number, title: string][] = [
  [900, "15 minutes"],
  [3_600, "1 hour"],
  [28_800, "8 hours"],
  [86_400, "24 hours"],
];

export function Access() {
  const [kind, setKind] = useState<Owner["kind"]>("user");
  const [id, setId] = useState("");
  const [lifetime, setLifetime] = useState(3_600);
  const [made, setMade] = useState<Token | null>(null);
  const make = useAction(async () => {
    setMade(null);
    const owner = queryOf({ kind, id: id.trim() });
    setMade(await call<Token>("POST", "/v1/tokens", { ...owner, expires_in_s: lifetime }));
    say("The link is made");
  });
  const errors = make.refused?.errors ?? [];
  return (
    <Page title="Portal links">
      <p>
        The portal shows one user or organisation their own webhooks, attempts and parked
        deliveries. Whoever has the link is signed in as them until it expires.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          make.run();
        }}
      >
        <OwnerFields owner={{ kind, id }} errors={errors} onKind={setKind} onId={setId} />
        <Field label="Valid for" hint="It cannot be taken back before, so keep it short.">
          {(attributes) => (
            <select
              {...attributes}
              value={lifetime}
              onChange={({ currentTarget }) => setLifetime(Number(currentTarget.value))}
            >
              {LIFETIMES.map(([seconds, title]) => (
                <option value={seconds}>{title}</option>
              ))}
            </select>
          )}
        </Field>
        {make.refused && <Trouble refused={make.refused} />}
        <div class="actions">
          <button type="submit" class="primary" disabled={make.isRunning}>
            Make a link
          </button>
        </div>
      </form>
      {made && <Made made={made} />}
    </Page>
  );
}

function Made({ made: { token, expires_at } }: { made: Token }) {
  const link = `${urlOf("/portal")}#token=${token}`;
  const frame =
    `<iframe src="${link}" title="Webhooks" allow="clipboard-write" referrerpolicy="no-referrer"\n` +
    `  sandbox="allow-scripts allow-same-origin allow-forms allow-popups"></iframe>`;
  return (
    <section>
      <h2>The link, until {clockTime(expires_at)}</h2>
      <CodeLine text={link} what="the link" />
      <h2>In a frame of your application</h2>
      <p>
        Name your application's origin in <code>FLUXHOOK_PORTAL_ORIGINS</code>, and make the token
        on your server: <code>POST /v1/tokens</code>.
      </p>
      <CodeLine text={frame} what="the frame" />
    </section>
  );
}
