// A string with a maximum length in characters, counted as JSON Schema counts `maxLength`. Zod's own
// `max` counts UTF-16 units, and an emoji has two.
import { z } from "zod";

export function boundedText(maxCharacters: number, notText: string) {
  return z
    .string({ error: notText })
    .refine((text) => text.length <= maxCharacters || Array.from(text).length <= maxCharacters, {
      error: `must be at most ${maxCharacters} characters long`,
      abort: true,
    })
    .meta({ maxLength: maxCharacters });
}
