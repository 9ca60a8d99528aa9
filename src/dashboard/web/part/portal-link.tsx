// A link to the portal for one owner, and the lines that embed it.
import { useState } from "preact/hooks";
import type { Token } from "../../../sdk/api-types.ts";
import { urlOf } from "../boot.ts";
import { call } from "../client.ts";
import { useAction } from "../load.ts";
import { queryOf } from "../owner.ts";
import type { Owner } from "../principal.ts";
import { say } from "../said.ts";
import { clockTime } from "../time.ts";
import { CodeLine } from "./code.tsx";
import { errorOf, Field } from "./field.tsx";
import { Trouble } from "./notice.tsx";
import { OwnerFields } from "./owner-fields.tsx";

const LIFETIMES: readonly [seconds: number, title: string][] = [
  [900, "15 minutes"],
  [3_600, "1 hour"],
  [28_800, "8 hours"],
  [86_400, "24 hours"],
];

export function PortalLink() {
  const [kind, setKind] = useState<Owner["kind"]>("user");
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const [lifetime, setLifetime] = useState(3_600);
  const [readOnly, setReadOnly] = useState(false);
  const [makesKeys, setMakesKeys] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  const make = useAction(async () => {
    setMade(null);
    const input = {
      ...queryOf({ kind, id: id.trim() }),
      ...(name.trim() !== "" && { name: name.trim() }),
      expires_in_s: lifetime,
      read_only: readOnly,
      api_keys: makesKeys && !readOnly,
    };
    setMade(await call<Token>("POST", "/v1/tokens", input));
    say("The link is made");
  });
  const errors = make.refused?.errors ?? [];
  return (
    <section aria-label="Portal link">
      <h2>Portal link</h2>
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
        <Field label="Name (optional)" hint="The audit shows it." error={errorOf(errors, "name")}>
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              maxLength={100}
              autocomplete="off"
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Valid for" hint="It cannot be revoked earlier, so keep it short.">
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
        <label class="tick">
          <input
            type="checkbox"
            checked={readOnly}
            onChange={({ currentTarget }) => setReadOnly(currentTarget.checked)}
          />
          Read only: they see everything of theirs and change nothing
        </label>
        <label class="tick">
          <input
            type="checkbox"
            checked={makesKeys && !readOnly}
            disabled={readOnly}
            onChange={({ currentTarget }) => setMakesKeys(currentTarget.checked)}
          />
          They may make API keys, which do not expire
        </label>
        {make.refused && <Trouble refused={make.refused} />}
        <div class="actions">
          <button type="submit" class="primary" disabled={make.isRunning}>
            Make a link
          </button>
        </div>
      </form>
      {made && <Made made={made} />}
    </section>
  );
}

function Made({ made }: { made: Token }) {
  const link = addressOf(made);
  const frame =
    `<iframe src="${link}" title="Webhooks" allow="clipboard-write" referrerpolicy="no-referrer"\n` +
    `  sandbox="allow-scripts allow-same-origin allow-forms allow-popups"></iframe>`;
  return (
    <section>
      <h2>The link, until {clockTime(made.expires_at ?? "")}</h2>
      <CodeLine text={link} what="the link" />
      <h2>In a frame of your application</h2>
      <p>
        Name your application's origin in <code>FLUXHOOK_PORTAL_ORIGINS</code>, and make the token
        on your server: <code>POST /v1/tokens</code> answers its <code>portal_url</code>.
      </p>
      <CodeLine text={frame} what="the frame" />
    </section>
  );
}

/**
 * The service knows its address from outside only if FLUXHOOK_PUBLIC_URL is set; this page knows the one that
 * has led here, below a proxy's path too.
 */
function addressOf({ token, portal_url }: Token): string {
  const here = `${urlOf("/portal")}#token=${token}`;
  if (portal_url === null) return here;
  const { hostname, host } = new URL(portal_url);
  const isInside = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  return isInside || host === location.host ? here : portal_url;
}
