// Which methods a path accepts, for the `Allow` of a 405 (RFC 9110 §15.5.6).
import { declaredRoutes } from "./declared-routes.ts";
import type { Api } from "./openapi.ts";

/** Reads the declared routes, so that no route is missing. */
export function allowedMethods(api: Api): (path: string) => string[] {
  const declared = declaredRoutes(api);
  return (path) => {
    const methods = declared.filter(({ pattern }) => pattern.test(path)).map((r) => r.method);
    // Hono answers HEAD wherever it answers GET.
    return methods.includes("GET") ? ["HEAD", ...methods].toSorted() : methods.toSorted();
  };
}
