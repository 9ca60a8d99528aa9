// An event as a producer gives it (DESIGN §2.1), over HTTP or straight onto the list.

interface EventFields {
  /** Its type: words of `A-Z a-z 0-9 _` joined by dots, such as `file.created`. */
  event: string;
  /** Goes out as JSON.stringify writes it, in this order. */
  data: object;
  /** `[A-Za-z0-9_-]{1,128}`: what receivers dedupe on; made where it is missing. */
  id?: string;
  /** RFC 3339, when it happened; now, where it is missing. */
  timestamp?: string | Date;
  /** W3C trace context, forwarded as a header. */
  traceparent?: string;
}

/** Whose webhooks get it: a user's, an organisation's, or both. */
export type EventInput = EventFields &
  ({ user_id: string; org_id?: string } | { user_id?: string; org_id: string });
