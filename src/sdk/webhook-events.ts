// The bodies that receivers get, one per dialect (docs/design.md §2.3).
// Made by docs/generate.ts from the OpenAPI document: do not edit.

/** The body of a request in the dialect `fluxdrop`. */
export interface FluxdropEvent<Type extends string = string, Data = Record<string, unknown>> {
  /** The same on every attempt and every duplicate: store it, and ignore an event that you have seen. */
  id: string;
  /** The event type, such as `file.created`. */
  event: Type;
  /** RFC 3339, when it happened. */
  timestamp: string;
  /** As the producer wrote it. */
  data: Data;
}

/** The body of a request in the dialect `fluxdesk`. */
export interface FluxdeskEvent<Type extends string = string, Data = Record<string, unknown>> {
  version: 1;
  /** The same on every attempt and every duplicate: store it, and ignore an event that you have seen. */
  id: string;
  /** The event type, such as `file.created`. */
  type: Type;
  /** `data.title` if that is a string, otherwise the type. */
  title: string;
  /** RFC 3339, when it happened. */
  timestamp: string;
  /** As the producer wrote it. */
  data: Data;
}

/** The body of a request in the dialect `flux`. */
export interface FluxEvent<Type extends string = string, Data = Record<string, unknown>> {
  /** The same on every attempt and every duplicate: store it, and ignore an event that you have seen. */
  id: `evt_${string}`;
  /** The event type, such as `file.created`. */
  type: Type;
  /** Unix seconds, when it happened. */
  created: number;
  /** As the producer wrote it. */
  data: Data;
}

/** The body of a request in the dialect `standard`. */
export interface StandardEvent<Type extends string = string, Data = Record<string, unknown>> {
  /** The event type, such as `file.created`. */
  type: Type;
  /** RFC 3339, when it happened. */
  timestamp: string;
  /** As the producer wrote it. */
  data: Data;
}

/** The return type of `verify` without a type parameter. */
export type WebhookEvent = FluxdropEvent | FluxdeskEvent | FluxEvent | StandardEvent;
