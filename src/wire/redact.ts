// Removes credentials from text that other code made (an error's message, a stack) before it is printed
// (guarantee 9). Fluxhook's own messages contain none.

const REDACTED = "***";

// Repetitions are bounded wherever text could make the match restart often: the time stays linear.
const RULES: readonly [form: RegExp, replacement: string][] = [
  // RFC 3986 §3.2.1: the whole user information, up to the last @ before the path.
  [/(\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"'<>]*@/gi, `$1${REDACTED}@`],
  // Receivers often put tokens into the query.
  [/(\bhttps?:\/\/[^\s?#"'<>]{1,2048}\?)[^\s#"'<>]+/gi, `$1${REDACTED}`],
  [/\bwhsec_[A-Za-z0-9+/=_-]+/g, `whsec_${REDACTED}`],
  // RFC 9110 §11.4. Shorter words are prose.
  [/\b(basic|bearer) +[A-Za-z0-9._~+/=-]{16,}/gi, `$1 ${REDACTED}`],
];

export function redact(text: string): string {
  return RULES.reduce((shown, [form, replacement]) => shown.replace(form, replacement), text);
}
