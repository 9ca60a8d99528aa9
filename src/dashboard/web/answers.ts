// The API's answers for which its routes have no exported type.
import type { LogEntry } from "../../wire/log-entry.ts";

export type {
  Alert,
  Found,
  LiveAttempt,
  ParkedDelivery,
  ParkedSummary,
} from "../../sdk/api-types.ts";

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

export type { EventTypes, Sample } from "../../sdk/api-types.ts";

/** One page of a list; `next_cursor` is null at its end. */
export type Page<Name extends string, Item> = Record<Name, Item[]> & { next_cursor: string | null };
