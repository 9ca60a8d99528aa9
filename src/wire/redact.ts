// Guarantee 9: takes credentials out of a text that was made elsewhere (an error's message, a stack)
// before it is printed. What we write ourselves does not hold any to begin with.

const REDACTED = "***";

// Each repetition is bounded where a text could make it start over and over: the cost stays linear.
const RULES: readonly [form: RegExp, replacement: string][] = [
  // RFC 3986 §3.2.1: all of the user information, up to the last @ before the path.
  [/(\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"'<>]*@/gi, `$1${REDACTED}@`],
  // A query is where receivers have their tokens.
  [/(\bhttps?:\/\/[^\s?#"'<>]{1,2048}\?)[^\s#"'<>]+/gi, `$1${REDACTED}`],
  [/\bwhsec_[A-Za-z0-9+/=_-]+/g, `whsec_${REDACTED}`],
  // RFC 9110 §11.4; shorter words are prose.
  [/\b(basic|bearer) +[A-Za-z0-9._~+/=-]{16,}/gi, `$1 ${REDACTED}`],
];

export function redact(text: string): string {
  return RULES.reduce((shown, [form, replacement]) => shown.replace(form, replacement), text);
}
