// What a page knows before anybody is signed in: serve.ts writes it into the document, web/boot.ts reads it.

/** What the page reads of its document. It is the same for all who ask, so nothing in it is secret. */
export interface PageConfig {
  page: "dashboard" | "portal";
  version: string;
  name: string;
  accent: string | null;
  returnUrl: string | null;
  /** Who may renew the portal's token by postMessage. */
  origins: readonly string[];
  /** The lists of events, for the lines that the operator's page shows. */
  queues: readonly string[];
  /** The command that talks to Valkey, before `LPUSH`. */
  valkeyCli: string;
}
