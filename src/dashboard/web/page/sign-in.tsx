// Signing in: the operator with the API token; the portal's users come by a link of their application.
import { useState } from "preact/hooks";
import { config, isPortal } from "../boot.ts";
import { endOf, Refused } from "../client.ts";
import { connect } from "../connect.ts";
import { useAction } from "../load.ts";
import { Field } from "../part/field.tsx";
import { Trouble } from "../part/notice.tsx";
import { Foreign } from "../part/text.tsx";
import { lastEnd } from "../session.ts";

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
  const [name, setName] = useState("");
  const [readOnly, setReadOnly] = useState(false);
  const signIn = useAction(async () => {
    try {
      await connect(token.trim(), { name: name.trim(), readOnly });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) throw refusedToken(error);
      throw error;
    }
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
            The value of <code>FLUXHOOK_API_TOKEN</code>. The page exchanges it at once for a token
            that ends after twelve hours, and forgets it.
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
      <Field label="Your name (optional)" hint="The audit shows it with what you do.">
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            autocomplete="off"
            maxLength={100}
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        )}
      </Field>
      <label class="tick">
        <input
          type="checkbox"
          checked={readOnly}
          onChange={({ currentTarget }) => setReadOnly(currentTarget.checked)}
        />
        Read only: look at everything, change nothing
      </label>
      {signIn.refused && signIn.refused.status !== 401 && <Trouble refused={signIn.refused} />}
      <button type="submit" class="primary" disabled={signIn.isRunning}>
        Sign in
      </button>
    </form>
  );
}

function refusedToken(refused: Refused): Refused {
  const isOver = endOf(refused) === "expired";
  const text = isOver ? "This token has expired." : "This token is not accepted.";
  return new Refused(refused.status, refused.kind, text);
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
