// What the sender needs: the URL, and lines for a shell that sign and send.
import { useState } from "preact/hooks";
import { call } from "../client.ts";
import { useAction } from "../load.ts";
import { CodeLine } from "../part/code.tsx";
import { CopyButton } from "../part/copy.tsx";
import { Trouble } from "../part/notice.tsx";
import { Foreign } from "../part/text.tsx";
import type { ShownWorkflow } from "./document.ts";

const PLACEHOLDER = "your-secret";

/** In single quotes of a shell; a single quote in it ends them, and begins them again. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function linesFor(url: string, secret: string, payload = '{"event":"test"}'): string {
  return [
    `PAYLOAD=${quoted(payload)}`,
    `SIGNATURE=$(echo -n "$PAYLOAD" | openssl dgst -sha256 -hmac ${quoted(secret)} | cut -d' ' -f2)`,
    `curl -X POST ${quoted(url)} \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -H "X-Webhook-Signature: $SIGNATURE" \\`,
    `  -d "$PAYLOAD"`,
  ].join("\n");
}

export function SendLines({ workflow }: { workflow: ShownWorkflow }) {
  const [secret, setSecret] = useState<string | null>(null);
  const { scheme } = workflow.trigger.verification;
  const fill = useAction(async () => {
    const path = `/v1/workflows/${workflow.id}/secret`;
    setSecret(secret === null ? (await call<{ secret: string }>("GET", path)).secret : null);
  });
  const isOwn = scheme === "fluxhook" && !workflow.trigger.replay;
  return (
    <section aria-label="Endpoint">
      <h2>Endpoint</h2>
      <div class="secret">
        <code>
          <Foreign text={workflow.url} />
        </code>
        <CopyButton text={workflow.url} what="the URL" />
      </div>
      {isOwn ? (
        <details class="code-lines">
          <summary>Example for a shell</summary>
          <CodeLine text={linesFor(workflow.url, secret ?? PLACEHOLDER)} what="the lines" />
          <button type="button" class="quiet" onClick={fill.run} disabled={fill.isRunning}>
            {secret === null ? "Insert the secret" : "Remove the secret"}
          </button>
          {fill.refused && <Trouble refused={fill.refused} />}
        </details>
      ) : (
        <p class="muted">
          {scheme === "fluxhook"
            ? "The sender signs id, time and body: <X-Webhook-Id>.<X-Webhook-Timestamp>.<body>."
            : `Enter this URL and the secret at ${scheme}; it signs in its own way.`}
        </p>
      )}
    </section>
  );
}
