// One setting: its schema, its default and what it is for.
import type { z } from "zod";

export interface Setting<S extends z.ZodType = z.ZodType> {
  schema: S;
  /** The default, as the environment would contain it; null if there is none. */
  fallback: string | null;
  description: string;
  /** The value is a secret, so `FLUXHOOK_<name>_FILE` may name a file that contains it. */
  isSecret?: true;
}

export const setting = <S extends z.ZodType>(
  schema: S,
  fallback: string | null,
  description: string,
): Setting<S> => ({ schema, fallback, description });

export const secret = <S extends z.ZodType>(
  schema: S,
  fallback: string | null,
  description: string,
): Setting<S> => ({ schema, fallback, description, isSecret: true });
