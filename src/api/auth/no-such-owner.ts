// The answer about an owner that the caller may not see, whether it exists or not.
import type { Context } from "hono";
import type { ApiEnv } from "../http/env.ts";
import { problem } from "../http/problem.ts";

export function noSuchOwner(c: Context<ApiEnv>) {
  return problem(c, "not-found", "there is no such owner");
}
