// Signing in: the operator with the API token; the portal's users come by a link of their application.
import { useState } from "preact/hooks";
import { config, isPortal } from "../boot.ts";
import { call, Refused } from "../client.ts";
import { useAction } from "../load.ts";
import { Field } from "../part/field.tsx";
import { Trouble } from "../part/notice.tsx";
import { Foreign } from "../part/text.tsx";
import { lastEnd, start } from "../session.ts";

export function SignIn() {
  return (
    <main id="main" class="sign-in">
      <h1>
        <Foreign text={config.name} />
      </h1>
      {isPortal ? <PortalEntrance /> : <TokenForm />}
    </main>
  );
}

function TokenForm() {
  const [token, setToken] = useState("");
  const signIn = useAction(async () => {
    const given = token.trim();
    try {
      await call("GET", "/v1/event-types", undefined, { token: given });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) throw refusedToken(error);
      throw error;
    }
    start(given);
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        signIn.run();
      }}
    >
      {lastEnd.value === "expired" && <p>Your token has expired. Sign in again.</p>}
      {lastEnd.value === "refused" && <p>The token was not accepted any more. Sign in again.</p>}
      {/* Password managers keep a password by its user's name. */}
      <input type="text" autocomplete="username" value="fluxhook" hidden readOnly />
      <Field
        label="API token"
        hint={
          <>
            The value of <code>FLUXHOOK_API_TOKEN</code>. It stays in this page's memory: reloading
            the page signs you out.
          </>
        }
        error={signIn.refused?.status === 401 ? signIn.refused.message : undefined}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            autoFocus
            required
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        )}
      </Field>
      {signIn.refused && signIn.refused.status !== 401 && <Trouble refused={signIn.refused} />}
      <button type="submit" class="primary" disabled={signIn.isRunning}>
        Sign in
      </button>
    </form>
  );
}

function refusedToken({ status, kind, message }: Refused): Refused {
  const text = /expired/.test(message) ? "This token has expired." : "This token is not accepted.";
  return new Refused(status, kind, text);
}

function PortalEntrance() {
  const { returnUrl } = config;
  const isOver = lastEnd.value === "expired" || lastEnd.value === "refused";
  return (
    <>
      <p role="status">
        {isOver
          ? "This link has expired. Open a new one from the application that gave it to you."
          : lastEnd.value === "signed-out"
            ? "You are signed out. Open a new link from your application to come back."
            : "Open this page from your application: its link signs you in."}
      </p>
      {returnUrl && (
        <p>
          <a href={returnUrl} rel="noreferrer">
            Back to the application
          </a>
        </p>
      )}
    </>
  );
}
