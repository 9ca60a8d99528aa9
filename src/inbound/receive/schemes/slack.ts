// Slack: https://docs.slack.dev/authentication/verifying-requests-from-slack
import { isJsonObject } from "../../../wire/json-object.ts";
import { hexAfter, type Scheme } from "./scheme.ts";

const SIGNATURE = "x-slack-signature";
const TIME = "x-slack-request-timestamp";

export const slack: Scheme = {
  algorithm: "sha256",
  encoding: "hex",
  signatureHeaders: [SIGNATURE, TIME],
  // Slash commands and interactions.
  acceptsForm: true,
  read({ headers, body }) {
    const time = headers.get(TIME) ?? "";
    return {
      prefix: `v0:${time}:`,
      content: body,
      candidates: hexAfter("v0=", headers.get(SIGNATURE)),
      signedAt: time,
    };
  },
  idIn: ["event_id"],
};

/**
 * Returns the challenge of a `url_verification` request, which Slack sends when a URL is entered and wants back:
 * https://docs.slack.dev/reference/events/url_verification
 */
export function slackChallenge(body: unknown): string | null {
  if (!isJsonObject(body) || body.type !== "url_verification") return null;
  return typeof body.challenge === "string" ? body.challenge : null;
}
