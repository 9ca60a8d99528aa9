// What a middleware answers a request that is not let through (RFC 9457). Why it is not is the
// receiver's own affair: whoever forges requests learns nothing from it.

export interface Refusal {
  status: 401 | 413;
  headers: Record<string, string>;
  body: string;
}

// RFC 9110 §15.5.2: a 401 names a scheme. None is registered for signed webhooks.
export const UNAUTHORIZED: Refusal = refusal(401, "Unauthorized", {
  "WWW-Authenticate": "Webhook-Signature",
});

export const TOO_LARGE: Refusal = refusal(413, "Content Too Large");

function refusal(
  status: Refusal["status"],
  title: string,
  more: Record<string, string> = {},
): Refusal {
  return {
    status,
    headers: { "Content-Type": "application/problem+json", ...more },
    body: JSON.stringify({ type: "about:blank", title, status }),
  };
}
