// `FLUXHOOK_EVENT_TYPES` as the reader of elements takes it.
import type { EventTypes } from "../config/settings.ts";
import { CATALOGUE } from "./dialects/registry.ts";

/** `catalogue` stands for every type that any dialect names. */
export function acceptedEventTypes(setting: EventTypes): "open" | ReadonlySet<string> {
  return setting === "catalogue" ? CATALOGUE : setting;
}
