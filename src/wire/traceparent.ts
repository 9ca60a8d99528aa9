// W3C Trace Context, level 1, §3.2: the `traceparent` that a producer passes with an event.

// A later version may have more after a dash, which is forwarded unchanged. Version ff is invalid.
const FORM =
  /^(?!ff)(?!00-.{52}.)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{0,200})?$/;

export const TRACEPARENT_PATTERN = FORM.source;

export const TRACEPARENT_ACCEPTED =
  "a W3C traceparent such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" as const;

export function isTraceparent(text: string): boolean {
  return FORM.test(text);
}
