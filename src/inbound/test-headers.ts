// The headers of a test run. Whoever pastes those of a real request pastes its credentials too, and an execution is
// stored and shown. So they are left out like those of a request, and what may be another credential is masked.
import type { JsonText } from "../expressions/problem.ts";
import { headersJson } from "../expressions/workflow-scope.ts";
import { MASK } from "../wire/attempt-detail.ts";
import { isCredentialHeader } from "../wire/credential-header.ts";
import type { Trigger } from "../wire/workflow/trigger.ts";
import { schemeOf } from "./receive/schemes/registry.ts";

const SIGNATURE = /signature|hmac/;
/** It recognises a repetition, and opens nothing. */
const IDEMPOTENCY = /idempotency/;

export function testHeadersJson(
  given: Readonly<Record<string, string>>,
  trigger: Pick<Trigger, "verification" | "replay">,
): JsonText {
  const headers = new Map(
    Object.entries(given).map(([name, value]) => {
      const lower = name.toLowerCase();
      return [lower, isSecret(lower) ? MASK : value] as const;
    }),
  );
  return headersJson(headers, schemeOf(trigger).signatureHeaders);
}

function isSecret(name: string): boolean {
  return SIGNATURE.test(name) || (isCredentialHeader(name) && !IDEMPOTENCY.test(name));
}
