// The answers of a middleware to a refused request (RFC 9457). They do not contain the reason, so that
// an attacker who forges requests learns nothing.

export interface Refusal {
  status: 401 | 413;
  headers: Record<string, string>;
  body: string;
}

// RFC 9110 §15.5.2 requires a scheme in a 401. None is registered for signed webhooks.
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
