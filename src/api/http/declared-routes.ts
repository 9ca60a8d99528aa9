// The declared routes by method and path. Hono does not report which one a request is for.
import type { Api } from "./openapi.ts";

type Definition = Api["openAPIRegistry"]["definitions"][number];
export type RouteDefinition = Extract<Definition, { type: "route" }>["route"];

export interface DeclaredRoute {
  method: string;
  /** Its groups are the parameters of the path. */
  pattern: RegExp;
  definition: RouteDefinition;
}

export function declaredRoutes(api: Api): DeclaredRoute[] {
  return api.openAPIRegistry.definitions.flatMap((one) => {
    if (one.type !== "route") return [];
    const { method, path } = one.route;
    // The templates hold only letters, `/`, `-`, `.` and {parameters}.
    const pattern = path.replaceAll(".", "\\.").replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    return [
      { method: method.toUpperCase(), pattern: new RegExp(`^${pattern}$`), definition: one.route },
    ];
  });
}
