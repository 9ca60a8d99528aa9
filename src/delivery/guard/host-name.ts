// What a host in a URL may be beside an address: `new URL` lets far more through than can be a name.

const MAX_CHARACTERS = 253;
/** RFC 1123 §2.1, and the underscore that names inside of clusters have. */
const LABEL = /^[a-z0-9_-]{1,63}$/;

/** Null where it is a name that could be looked up (RFC 1035 §2.3.4); lower case, as URL gives it. */
export function hostNameProblem(name: string): string | null {
  const labels = absolute(name).split(".");
  if (labels.includes("")) return "it has an empty label";
  if (absolute(name).length > MAX_CHARACTERS) {
    return `it is over ${MAX_CHARACTERS} characters long`;
  }
  const wrong = labels.find((label) => !LABEL.test(label));
  if (wrong === undefined) return null;
  return wrong.length > 63
    ? "a label of it is over 63 characters long"
    : "it holds other characters than letters, digits, - and _";
}

/** RFC 6761 §6.3: these are this machine, and no name server is asked for them. */
export function isLocalhost(name: string): boolean {
  return /(?:^|\.)localhost\.?$/.test(name);
}

/** Without the dot that a name may end in to say that it is complete. */
function absolute(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
