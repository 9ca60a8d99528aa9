// Which event types a page offers: the operator's own, with descriptions; else those of the dialects.
import type { EventTypes } from "./answers.ts";

export interface OfferedType {
  name: string;
  description: string;
  /** Under which it is listed; empty for none. */
  group: string;
}

/** Where types are limited, only those that may be pushed. `dialect` empty: of every dialect. */
export function offeredTypes(types: EventTypes | undefined, dialect = ""): readonly OfferedType[] {
  if (types === undefined) return [];
  const { accepted, catalogue } = types;
  const own = catalogue.filter(({ name }) => accepted === "open" || accepted.includes(name));
  if (own.length > 0) {
    return own.map(({ name, description, group }) => {
      return { name, description, group: group ?? firstWord(name) };
    });
  }
  return namesFor(types, dialect).map((name) => {
    return { name, description: "", group: firstWord(name) };
  });
}

const ABOUT_OTHERS = "About your other webhooks";

/** What a webhook can be told about its owner's other ones; "every event" does not include it. */
export const ALERT_TYPES: readonly OfferedType[] = [
  {
    name: "webhook.disabled",
    description:
      "Another webhook of yours was disabled: its server failed for too long, or said that it is gone.",
    group: ABOUT_OTHERS,
  },
  {
    name: "delivery.parked",
    description:
      "A delivery to another webhook of yours is not tried again. At most once in ten minutes for each.",
    group: ABOUT_OTHERS,
  },
];

function namesFor({ accepted, event_types: ofDialects }: EventTypes, dialect: string): string[] {
  if (accepted !== "open") return accepted;
  const own = ofDialects[dialect] ?? [];
  return own.length > 0 ? own : [...new Set(Object.values(ofDialects).flat())];
}

export function firstWord(type: string): string {
  return type.includes(".") ? (type.split(".")[0] ?? "") : "";
}
