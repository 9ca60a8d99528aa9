// A text of so many characters at most, counted as JSON Schema does (`maxLength`): zod's own bound
// counts UTF-16 units, of which an emoji has two.
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
