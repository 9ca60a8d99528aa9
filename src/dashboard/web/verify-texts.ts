// Programs that compute the signature of one attempt, in the reader's language and with their own values.
// Each prints what `webhook-signature` has to hold. The secret comes from the environment, never from here.

export interface SignedAttempt {
  id: string;
  timestamp: string;
  /** The body's text; its UTF-8 is what was signed. */
  body: string;
}

export interface Language {
  name: string;
  write: (attempt: SignedAttempt) => string;
}

/** A longer body is read from a file, which the page says how to make. */
export const MAX_INLINE_CHARACTERS = 2_000;
export const BODY_FILE = "body.json";

const isInline = ({ body }: SignedAttempt) => body.length <= MAX_INLINE_CHARACTERS;

/** Base64 has no character that a language could take for something else. */
export function base64Of(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (b) => String.fromCharCode(b)).join(""));
}

/** Ids and times have neither quotes nor backslashes; what another program wrote may have. */
const plain = (text: string) => text.replaceAll(/[^\w.:-]/g, "");
const prefixOf = ({ id, timestamp }: SignedAttempt) => `${plain(id)}.${plain(timestamp)}.`;

export const LANGUAGES: readonly Language[] = [
  {
    name: "Shell",
    write: (attempt) => `case $WEBHOOK_SECRET in
  whsec_*) key=$(printf %s "\${WEBHOOK_SECRET#whsec_}" | base64 -d | od -An -vtx1 | tr -d ' \\n') ;;
  *) key=$(printf %s "$WEBHOOK_SECRET" | od -An -vtx1 | tr -d ' \\n') ;;
esac
{ printf %s '${prefixOf(attempt)}'
  ${isInline(attempt) ? `printf %s '${base64Of(attempt.body)}' | base64 -d` : `cat ${BODY_FILE}`}
} | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 | sed 's/^/v1,/'`,
  },
  {
    name: "Node.js",
    write: (attempt) => `const { createHmac } = require("node:crypto");
const { readFileSync } = require("node:fs");

const secret = process.env.WEBHOOK_SECRET;
const body = ${isInline(attempt) ? `Buffer.from("${base64Of(attempt.body)}", "base64")` : `readFileSync("${BODY_FILE}")`};
const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : secret;
const signature = createHmac("sha256", key).update("${prefixOf(attempt)}").update(body);
console.log("v1," + signature.digest("base64"));`,
  },
  {
    name: "Python",
    write: (attempt) => `import base64, hashlib, hmac, os

secret = os.environ["WEBHOOK_SECRET"]
body = ${isInline(attempt) ? `base64.b64decode("${base64Of(attempt.body)}")` : `open("${BODY_FILE}", "rb").read()`}
key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
signature = hmac.new(key, b"${prefixOf(attempt)}" + body, hashlib.sha256)
print("v1," + base64.b64encode(signature.digest()).decode())`,
  },
  {
    name: "Go",
    write: (attempt) => `package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
)

func main() {
	secret := os.Getenv("WEBHOOK_SECRET")
	body, _ := ${isInline(attempt) ? `base64.StdEncoding.DecodeString("${base64Of(attempt.body)}")` : `os.ReadFile("${BODY_FILE}")`}
	key := []byte(secret)
	if encoded, isMade := strings.CutPrefix(secret, "whsec_"); isMade {
		key, _ = base64.StdEncoding.DecodeString(encoded)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("${prefixOf(attempt)}"))
	mac.Write(body)
	fmt.Println("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}`,
  },
  {
    name: "PHP",
    write: (attempt) => `<?php
$secret = getenv('WEBHOOK_SECRET');
$body = ${isInline(attempt) ? `base64_decode('${base64Of(attempt.body)}')` : `file_get_contents('${BODY_FILE}')`};
$key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, 6)) : $secret;
echo 'v1,' . base64_encode(hash_hmac('sha256', '${prefixOf(attempt)}' . $body, $key, true)) . "\\n";`,
  },
  {
    name: "Ruby",
    write: (attempt) => `require "base64"
require "openssl"

secret = ENV.fetch("WEBHOOK_SECRET")
body = ${isInline(attempt) ? `Base64.decode64("${base64Of(attempt.body)}")` : `File.binread("${BODY_FILE}")`}
key = secret.start_with?("whsec_") ? Base64.decode64(secret[6..]) : secret
signature = OpenSSL::HMAC.digest("SHA256", key, "${prefixOf(attempt)}".b + body)
puts "v1,#{Base64.strict_encode64(signature)}"`,
  },
];
