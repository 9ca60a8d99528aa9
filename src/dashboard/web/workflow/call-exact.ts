// Calls the API and keeps the numbers of its answer as they were written.
import { call, type CallOptions } from "../client.ts";
import { parseExact } from "./exact-json.ts";

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what it expects
export function callExact<T>(
  method: string,
  path: string,
  body: object | string | undefined,
  options: CallOptions = {},
): Promise<T> {
  return call<T>(method, path, body, { ...options, parse: parseExact });
}
