// What would happen to a URL that is being typed: checked by the guard a moment after the last key.
import { useEffect, useState } from "preact/hooks";
import { call, refusedOf } from "../client.ts";
import { Foreign } from "./text.tsx";

interface Checked {
  verdict: "allowed" | "denied" | "unresolved";
  message: string | null;
}

interface Said {
  url: string;
  tone: "ok" | "bad" | "warn";
  text: string;
}

/** After the last key: the next one would make the answer useless. */
const PAUSE_MS = 400;

export function UrlCheck({ url, id }: { url: string; id: string }) {
  const [said, setSaid] = useState<Said | null>(null);
  const typed = url.trim();
  useEffect(() => {
    if (!isWhole(typed)) {
      setSaid(null);
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call<Checked>("POST", "/v1/check-url", { url: typed }, { signal: stop.signal })
        .then((checked) => setSaid({ url: typed, ...inWords(checked) }))
        .catch((error: unknown) => {
          if (stop.signal.aborted) return;
          const { status, errors } = refusedOf(error);
          // An outage is said for the whole page, and a limit does not matter: saving checks again.
          const problem = status === 422 ? errors[0]?.message : undefined;
          setSaid(problem === undefined ? null : { url: typed, tone: "bad", text: problem });
        });
    }, PAUSE_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [typed]);
  return (
    <p class={`hint check ${said?.url === typed ? said.tone : ""}`} id={id} role="status">
      {said?.url === typed ? (
        <Foreign text={said.text} />
      ) : (
        "Requests are sent here. Fluxhook checks the address while you type."
      )}
    </p>
  );
}

/** Half a URL is no mistake yet. */
function isWhole(text: string): boolean {
  const parsed = URL.parse(text);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && /[.:]/.test(parsed.host);
}

function inWords({ verdict, message }: Checked): Omit<Said, "url"> {
  switch (verdict) {
    case "allowed":
      return { tone: "ok", text: "Fluxhook may send there." };
    case "denied":
      return { tone: "bad", text: `Not accepted: ${message ?? ""}` };
    case "unresolved":
      return {
        tone: "warn",
        text: "This name has no address at the moment. Check its spelling; you can save it anyway.",
      };
  }
}
