// Which methods a path accepts, for the `Allow` of a 405 (RFC 9110 §15.5.6). Hono does not report them.
import type { Api } from "./openapi.ts";

/** Reads the declared routes, so that no route is missing. */
export function allowedMethods(api: Api): (path: string) => string[] {
  const routes = api.openAPIRegistry.definitions.flatMap((definition) =>
    definition.type === "route" ? [definition.route] : [],
  );
  const declared = routes.map(({ method, path }) => ({
    method: method.toUpperCase(),
    // The templates hold only letters, `/`, `-`, `.` and {parameters}.
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  }));
  return (path) => {
    const methods = declared.filter(({ pattern }) => pattern.test(path)).map((r) => r.method);
    // Hono answers HEAD wherever it answers GET.
    return methods.includes("GET") ? ["HEAD", ...methods].toSorted() : methods.toSorted();
  };
}
