// Checks if the webhook secrets in Valkey are sealed, and if this process can open them.
import {
  hasCurrentSeal,
  openWebhook,
  readStoredWebhook,
} from "../../valkey/webhooks/sealed-webhook.ts";
import { SecretBox } from "../../valkey/webhooks/secret-box.ts";
import { ok, problem, skipped, warning, type Finding } from "./check.ts";
import { ofSample, type Registered } from "./registered.ts";

export async function checkWebhookSecrets(
  registered: Registered,
  keys: readonly string[],
): Promise<Finding> {
  const { webhooks, unreadable } = registered;
  if (unreadable > 0) {
    return problem(
      `${unreadable} records are not webhooks`,
      "restore them from a backup, or delete them: their owners' events are parked for them",
    );
  }
  if (webhooks.length === 0) return skipped("no webhook is registered");
  const box = new SecretBox(keys);
  let unknownKey = 0;
  let forged = 0;
  let older = 0;
  for (const { text } of webhooks) {
    const stored = readStoredWebhook(text);
    // Counted as unreadable.
    if (stored === null) continue;
    const opened = await openWebhook(stored, box);
    if (opened.unreadable.some(({ why }) => why === "forged")) forged += 1;
    else if (opened.unreadable.length > 0) unknownKey += 1;
    else if (!hasCurrentSeal(text, box)) older += 1;
  }
  const sample = ofSample(registered);
  if (unknownKey > 0) {
    return problem(
      `${sample}, ${unknownKey} are sealed under a key that is not in FLUXHOOK_SECRET_KEY`,
      "add that key behind the first one: nothing else opens them, and their events are parked",
    );
  }
  if (forged > 0) {
    return problem(
      `${sample}, ${forged} were changed in Valkey by somebody else`,
      "find out by whom; then rotate their secrets and set their headers again",
    );
  }
  if (!box.hasKey) return skipped(`${sample}, none is sealed: FLUXHOOK_SECRET_KEY is not set`);
  return older > 0
    ? warning(
        `${sample}, ${older} are in plain or sealed under an older key`,
        "start `serve` with this key: it seals them, and says secrets.sealed when it is done",
      )
    : ok(`${sample}, all are sealed under the first key`);
}
