// Whether the signatures of an attempt match the secrets of now, and how a receiver computes them: with the
// values of this very attempt, in the reader's language.
import { CircleCheck, CircleX } from "lucide";
import { useState } from "preact/hooks";
import type { AttemptInFull, SignatureCheck } from "../../../sdk/api-types.ts";
import { call } from "../client.ts";
import { useAction } from "../load.ts";
import { BODY_FILE, LANGUAGES, MAX_INLINE_CHARACTERS } from "../verify-texts.ts";
import { CodeLine } from "./code.tsx";
import { CopyButton } from "./copy.tsx";
import { Icon } from "./icon.tsx";
import { Trouble } from "./notice.tsx";
import { Foreign } from "./text.tsx";

export function VerifyButton({ path }: { path: string }) {
  const [check, setCheck] = useState<SignatureCheck | null>(null);
  const verify = useAction(async () => {
    setCheck(await call<SignatureCheck>("POST", `${path}/verify`));
  });
  return (
    <>
      <button type="button" onClick={verify.run} disabled={verify.isRunning}>
        Verify it
      </button>
      {verify.refused && <Trouble refused={verify.refused} />}
      {check && <Checked check={check} />}
    </>
  );
}

const SECRETS = { newest: "the newest secret", previous: "an earlier secret, which still signs" };

function Checked({ check }: { check: SignatureCheck }) {
  return (
    <div class="checked" role="status">
      <ul>
        {check.signatures.map(({ header, secret }) => (
          <li class={secret === null ? "bad" : "ok"}>
            <Icon of={secret === null ? CircleX : CircleCheck} /> <Foreign text={header} />{" "}
            {secret === null ? "matches no secret of now" : `matches ${SECRETS[secret]}`}
          </li>
        ))}
      </ul>
      <p>
        {check.signature_matches
          ? "If your server still refuses it, it has another secret, or it does not verify the exact bytes that it received: compare what it signs with what was signed."
          : "The secret was rotated since, and the old one no longer signs."}
      </p>
      <CopyButton
        text={check.signed_content}
        what="the signed content"
        label="Copy what was signed"
      />
    </div>
  );
}

interface LikeThisProps {
  request: NonNullable<AttemptInFull["request"]>;
  webhookId: string;
}

export function VerifyLikeThis({ request, webhookId }: LikeThisProps) {
  const [chosen, choose] = useState(0);
  const valueOf = (name: string) =>
    request.headers.find((header) => header.name.toLowerCase() === name)?.value ?? "";
  const signature = valueOf("webhook-signature");
  const { body } = request;
  const language = LANGUAGES[chosen];
  if (signature === "" || body === null || language === undefined) return null;
  const text = language.write({
    id: valueOf("webhook-id"),
    timestamp: valueOf("webhook-timestamp"),
    body,
  });
  return (
    <details class="like-this">
      <summary>Verify like this</summary>
      <label class="inline">
        Language
        <select
          value={chosen}
          onChange={({ currentTarget }) => choose(Number(currentTarget.value))}
        >
          {LANGUAGES.map(({ name }, at) => (
            <option value={at}>{name}</option>
          ))}
        </select>
      </label>
      <p>
        This computes the signature of this very attempt. Set <code>WEBHOOK_SECRET</code> to{" "}
        <a href={`#/webhooks/${encodeURIComponent(webhookId)}`}>the webhook's secret</a>. It has to
        print:
      </p>
      <CodeLine text={signature.split(" ").join("\n")} what="the signature" />
      {signature.includes(" ") && (
        <p class="hint">Two secrets signed: one line for each, and yours is one of them.</p>
      )}
      {body.length > MAX_INLINE_CHARACTERS && (
        <p class="hint">
          Put the request's body, copied as it came and without a line end after it, into{" "}
          <code>{BODY_FILE}</code>.
        </p>
      )}
      <CodeLine text={text} what={`the ${language.name} program`} />
    </details>
  );
}
