// Standard Webhooks 1.0.0, and Svix with its own names of the same headers: https://www.standardwebhooks.com
import { standardKeyBytes } from "../../../wire/secret.ts";
import type { Scheme } from "./scheme.ts";

const MAX_LENGTH = 4_096;

export const standard: Scheme = {
  algorithm: "sha256",
  encoding: "base64",
  signatureHeaders: ["webhook", "svix"].flatMap((name) => [
    `${name}-id`,
    `${name}-timestamp`,
    `${name}-signature`,
  ]),
  key: standardKeyBytes,
  read({ headers, body }) {
    const name = headers.has("webhook-id") ? "webhook" : "svix";
    const id = headers.get(`${name}-id`) ?? "";
    const time = headers.get(`${name}-timestamp`) ?? "";
    const signatures = headers.get(`${name}-signature`) ?? "";
    const isSplittable = id.includes(".") || id === "" || signatures.length > MAX_LENGTH;
    return {
      prefix: `${id}.${time}.`,
      content: body,
      // With a dot in the id, `id.timestamp.body` could be split elsewhere under the same signature.
      candidates: isSplittable
        ? []
        : signatures
            .split(" ")
            .filter((one) => one.startsWith("v1,"))
            .map((one) => one.slice("v1,".length)),
      signedAt: time,
      id,
    };
  },
};
