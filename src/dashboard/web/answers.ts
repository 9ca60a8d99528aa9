// The API's answers for which its routes have no exported type.
import type { LogEntry } from "../../wire/log-entry.ts";

/** An entry of the log, or what another program wrote into it: `outcome` is `unreadable` then. */
export type LoggedAttempt = LogEntry & { message?: string; raw?: string };

/** RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { field: string; code: string; message: string }[];
}

export type FieldErrors = NonNullable<Problem["errors"]>;

export interface ParkedDelivery {
  delivery_id: string;
  webhook_id: string;
  user_id?: string;
  org_id?: string;
  id: string;
  event: string | null;
  reason: string | null;
  status_code: number | null;
  attempt: number;
  parked_at: string;
  expires_at: string;
  size: number;
}

export interface ParkedSummary {
  total: number;
  by_reason: { reason: string; count: number }[];
  by_event: { event: string | null; count: number }[];
  by_webhook: { webhook_id: string; count: number }[];
}

export interface Rejected {
  id: string;
  reason: string;
  field: string | null;
  message: string;
  queue: string | null;
  size: number;
  rejected_at: string | null;
  raw?: string;
  raw_base64?: string;
}

export interface EventTypes {
  event_types: Record<string, string[]>;
  accepted: "open" | string[];
}

/** One page of a list; `next_cursor` is null at its end. */
export type Page<Name extends string, Item> = Record<Name, Item[]> & { next_cursor: string | null };
