// Writes a request as a command of curl for a POSIX shell.

export interface CurlRequest {
  url: string;
  headers: readonly { name: string; value: string }[];
  body: string;
}

/** Linux takes no argument of more than 128 KiB; what `printf`, a builtin, takes has no limit. */
const MAX_ARGUMENT_CHARACTERS = 40_000;

/** Every value is quoted: bodies and headers may hold anything. */
export function curlCommand({ url, headers, body }: CurlRequest): string {
  const lines = headers.map(({ name, value }) =>
    // RFC 9110 §5.5 allows an empty value; curl takes "Name:" as a header to leave out.
    quoted(value === "" ? `${name};` : `${name}: ${value}`),
  );
  // A body is JSON, so it never begins with @, which curl would take for a file.
  const isLarge = body.length > MAX_ARGUMENT_CHARACTERS;
  const parts = [
    // -g: no brackets or braces of the URL mean anything.
    `curl -i -g -X POST ${quoted(url)}`,
    ...lines.map((line) => `-H ${line}`),
    `--data-binary ${isLarge ? "@-" : quoted(body)}`,
  ];
  const command = parts.join(" \\\n  ");
  return isLarge ? `printf %s ${quoted(body)} | ${command}` : command;
}

/** Nothing is special inside single quotes but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
