// The types of settings. Each parses the text of an environment variable, or reports what was found and
// what is accepted. settings.ts uses them.
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { durationSchema, parseDuration } from "../wire/duration.ts";
import { isEventType } from "../wire/event-pattern.ts";
import type { EventTypes } from "../wire/dialects/registry.ts";

const DAY_MS = 86_400_000;

const list = (text: string) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

export const duration = (bounds: { minMs: number; maxMs: number }) =>
  durationSchema(bounds).transform((text) => parseDuration(text) ?? 0);

export const integer = (min: number, max: number) =>
  z
    .string()
    .refine((text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: (issue) => `${quoted(issue.input)} is not a whole number from ${min} to ${max}`,
    })
    .transform(Number);

export const choice = <const T extends readonly string[]>(values: T) =>
  z.string().refine((text): text is T[number] => values.includes(text), {
    error: (issue) => `${quoted(issue.input)} is not one of ${values.join(", ")}`,
  });

export const toggle = choice(["true", "false"]).transform((text) => text === "true");

export const key = /^[!-z|~]+$/;

const MAX_LISTS = 16;
/** Allows braces only as one hash tag: otherwise a list's own keys could not share its slot. */
const LIST_NAME = /^[^{}]*(\{[^{}]+\}[^{}]*)?$/;

export const lists = z.string().transform((text, context): string[] => {
  const names = list(text);
  const wrong = names.find((name) => !LIST_NAME.test(name));
  if (wrong !== undefined) {
    context.addIssue({
      code: "custom",
      message: `${quoted(wrong)} is not a list's name; accepted are braces only as in {orders}:events`,
    });
  } else if (names.length < 1 || names.length > MAX_LISTS || new Set(names).size < names.length) {
    context.addIssue({
      code: "custom",
      message: `${quoted(text)} does not name 1 to ${MAX_LISTS} lists, each once`,
    });
  }
  return names;
});

export const valkeyUrl = z.string().superRefine((text, context) => {
  if (text.startsWith("/") || text.startsWith("unix://")) return;
  const parsed = URL.canParse(text) ? new URL(text) : null;
  if (parsed && /^(redis|rediss|valkey|valkeys):$/.test(parsed.protocol) && parsed.hostname) return;
  // The message does not repeat the text, which may contain a password.
  context.addIssue({
    code: "custom",
    message:
      "is not a Valkey address; accepted are valkey://, redis://, rediss:// and a socket's path",
  });
});

export const retrySchedule = z
  .string()
  .transform(list)
  .pipe(z.array(duration({ minMs: 0, maxMs: 7 * DAY_MS })).min(1, { error: "names no delay" }));

export const cidrs = z
  .string()
  .transform(list)
  .pipe(
    z.array(
      z.string().refine((text) => ipaddr.isValidCIDR(text) || ipaddr.isValid(text), {
        error: (issue) =>
          `${quoted(issue.input)} is not an address range such as 10.0.0.0/8 or ::1/128`,
      }),
    ),
  );

export interface PortRange {
  from: number;
  to: number;
}

export const portRanges = z
  .string()
  .transform(list)
  .pipe(
    z
      .array(
        z.string().transform((text, context): PortRange => {
          const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
          const from = Number(match?.[1] ?? 0);
          const to = Number(match?.[2] ?? from);
          if (!match || from < 1 || to > 65_535 || from > to) {
            context.addIssue({
              code: "custom",
              message: `${quoted(text)} is not a port or a range of ports such as 443 or 1024-65535`,
            });
            return z.NEVER;
          }
          return { from, to };
        }),
      )
      .min(1, { error: "names no port" }),
  );

const SECRET_KEY_BYTES = 32;

// The message does not repeat a wrong key, which may be a real one with a typing error.
/** At least one; the messages never repeat a token. */
export const apiTokens = z
  .string()
  .transform((text) => text.split(","))
  .superRefine((tokens, context) => {
    for (const [at, token] of tokens.entries()) {
      const which = tokens.length === 1 ? "" : `has a wrong token ${at + 1}: each `;
      const refuse = (message: string) =>
        context.addIssue({ code: "custom", message: which + message });
      if (token.length < 24) refuse("must be at least 24 characters long");
      if (!/^[!-~]+$/.test(token)) refuse("must be printable ASCII without spaces");
    }
  });

export const secretKeys = z
  .string()
  .transform(list)
  .superRefine((keys, context) => {
    for (const [at, text] of keys.entries()) {
      const bytes = Buffer.from(text, "base64");
      if (bytes.length === SECRET_KEY_BYTES && bytes.toString("base64") === text) continue;
      context.addIssue({
        code: "custom",
        message: `has a wrong key ${at + 1}; accepted is base64 of ${SECRET_KEY_BYTES} bytes; make one with: openssl rand -base64 32`,
      });
    }
  });

export const origins = z
  .string()
  .transform(list)
  .pipe(
    z.array(
      z
        .string()
        .refine((text) => URL.canParse(text) && new URL(text).origin === text.toLowerCase(), {
          error: (issue) =>
            `${quoted(issue.input)} is not an origin such as https://app.example.com`,
        })
        .transform((text) => text.toLowerCase()),
    ),
  );

/** A page's address, for a link. */
export const pageUrl = z
  .string()
  .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), {
    error: (issue) => `${quoted(issue.input)} is not an http:// or https:// URL`,
  });

/** A colour as `<input type=color>` gives it. */
export const color = z.string().regex(/^#[0-9a-fA-F]{6}$/, {
  error: (issue) => `${quoted(issue.input)} is not a colour such as #3538cd`,
});

export const title = z
  .string()
  .trim()
  .min(1)
  .max(60, { error: (issue) => `${quoted(issue.input)} is longer than 60 characters` });

export const proxyUrl = z.string().refine(
  (text) => {
    const parsed = URL.canParse(text) ? new URL(text) : null;
    return (
      parsed !== null &&
      /^https?:$/.test(parsed.protocol) &&
      /^\/?$/.test(parsed.pathname + parsed.search + parsed.hash)
    );
  },
  // The message does not repeat the text, which may contain a password.
  { error: "is not a proxy's address such as http://proxy.internal:3128" },
);

export const apiUrl = z.string().refine(
  (text) => {
    const parsed = URL.canParse(text) ? new URL(text) : null;
    return (
      parsed !== null &&
      /^https?:$/.test(parsed.protocol) &&
      parsed.username + parsed.password + parsed.search + parsed.hash === ""
    );
  },
  // The message does not repeat the text, which may contain a password.
  { error: "is not the API's address, such as http://127.0.0.1:8585 without user and query" },
);

/** Addresses, each with a port unless that is 53. */
export const dnsServers = z
  .string()
  .transform(list)
  .pipe(
    z.array(
      z.string().refine((text) => isNameServer(text), {
        error: (issue) =>
          `${quoted(issue.input)} is not a name server such as 10.0.0.2, 10.0.0.2:5353 or [fd00::2]:53`,
      }),
    ),
  );

function isNameServer(text: string): boolean {
  if (ipaddr.IPv6.isValid(text)) return true;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isAddress = bracketed
    ? ipaddr.IPv6.isValid(bracketed)
    : ipaddr.IPv4.isValidFourPartDecimal(plain ?? "");
  return isAddress && (port === undefined || (Number(port) > 0 && Number(port) <= 65_535));
}

export const eventTypes = z.string().transform((text, context): EventTypes => {
  if (text === "open" || text === "catalogue") return text;
  const names = list(text);
  const wrong = names.filter((name) => !isEventType(name));
  if (names.length === 0 || wrong.length > 0) {
    context.addIssue({
      code: "custom",
      message: `${quoted(wrong[0] ?? text)} is not open, catalogue or a list of event types such as file.created`,
    });
    return z.NEVER;
  }
  return new Set(names);
});

/** Returns what was found as a quoted text for an error, cut off after 80 characters. */
export function quoted(found: unknown): string {
  return JSON.stringify(String(found).slice(0, 80));
}
