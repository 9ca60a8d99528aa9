// Puts the headers of one request together: the user's own first, then ours, which win.

/** Names are compared without case (RFC 9110 §5.1): in two spellings a header would go out twice. */
export function mergeHeaders(
  custom: Readonly<Record<string, string>>,
  authorization: string | null,
  ours: Record<string, string>,
): Record<string, string> {
  const names = Object.keys(custom);
  if (names.length === 0) {
    return authorization === null ? ours : { Authorization: authorization, ...ours };
  }
  const taken = new Set(Object.keys(ours).map((name) => name.toLowerCase()));
  const merged: Record<string, string> = {};
  for (const name of names) {
    const lowerName = name.toLowerCase();
    // The URL's credentials are only for whoever set no Authorization header.
    if (lowerName === "authorization") authorization = null;
    if (lowerName !== "host" && !taken.has(lowerName)) merged[name] = custom[name]!;
  }
  if (authorization !== null) merged["Authorization"] = authorization;
  return Object.assign(merged, ours);
}
