// Reads the machine's own package sources, both forms of sources.list(5), and picks those of its
// release, so that packages come from the mirror and under the key that its owner chose.

export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
  /** Options in the names of the deb822 form: Signed-By, Trusted, … */
  options: Record<string, string>;
}

/** The form is told by the file's name, as apt does: `.sources` is deb822, `.list` one-line. */
export function parseAptSources(text: string, fileName: string): AptSource[] {
  const sources = fileName.endsWith(".sources") ? parseDeb822(text) : parseOneLine(text);
  return sources.flatMap((source) => {
    const uris = source.uris.filter((uri) => !uri.startsWith("cdrom:"));
    return uris.length > 0 ? [{ ...source, uris }] : [];
  });
}

function parseDeb822(text: string): AptSource[] {
  const withoutComments = text.replaceAll("\r\n", "\n").replaceAll(/^#.*\n?/gm, "");
  return withoutComments.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([^\s:]+):[ \t]*((?:.*)(?:\n[ \t].*)*)/gm)) {
      fields.set(match[1]!.toLowerCase(), match[2]!.trim());
    }
    const list = (name: string) => words(fields.get(name) ?? "");

    // "no" by any of the words that apt takes for it.
    const isOff = /^(no|false|without|off|disable)$/i.test(fields.get("enabled") ?? "yes");
    if (isOff || !list("types").includes("deb")) return [];

    const options: Record<string, string> = {};
    for (const name of KEPT_OPTIONS) {
      const value = fields.get(name.toLowerCase());
      if (value) options[name] = value;
    }
    return [
      { uris: list("uris"), suites: list("suites"), components: list("components"), options },
    ];
  });
}

function parseOneLine(text: string): AptSource[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(
      line.replace(/#.*/, ""),
    );
    if (!match) return [];
    const [, optionText = "", uri, suite, components] = match;

    const options: Record<string, string> = {};
    for (const [, name, value] of optionText.matchAll(/([\w-]+)=(\S+)/g)) {
      const kept = KEPT_OPTIONS.find((option) => ONE_LINE_NAMES[option] === name!.toLowerCase());
      if (kept) options[kept] = value!.replaceAll(",", " ");
    }
    return [{ uris: [uri!], suites: [suite!], components: words(components!), options }];
  });
}

/** Those that decide whether and for which machine a source is believed. */
const KEPT_OPTIONS = ["Signed-By", "Trusted", "Architectures", "Check-Valid-Until"] as const;

const ONE_LINE_NAMES: Record<(typeof KEPT_OPTIONS)[number], string> = {
  "Signed-By": "signed-by",
  Trusted: "trusted",
  Architectures: "arch",
  "Check-Valid-Until": "check-valid-until",
};

const ROLLING_SUITES = ["stable", "oldstable", "testing", "unstable", "sid"];
const POCKETS = ["", "-updates", "-security", "-backports"];

/** The release's own suites out of all sources; other vendors' repositories have other suites. */
export function releaseSources(sources: AptSource[], codename: string): AptSource[] {
  const ofRelease = new Set(
    [codename, ...ROLLING_SUITES].flatMap((base) => POCKETS.map((pocket) => base + pocket)),
  );
  return sources.flatMap((source) => {
    const suites = source.suites.filter((suite) => ofRelease.has(suite));
    const isDistribution = source.components.includes("main");
    return suites.length > 0 && isDistribution ? [{ ...source, suites }] : [];
  });
}

/** The same mirrors' `-backports`, where the release itself lacks a package. */
export function backportsSources(sources: AptSource[], codename: string): AptSource[] {
  const bases = new Set([codename, ...ROLLING_SUITES]);
  return sources.flatMap((source) => {
    const suites = source.suites.filter((suite) => bases.has(suite));
    return suites.length > 0
      ? [{ ...source, suites: suites.map((suite) => `${suite}-backports`) }]
      : [];
  });
}

/** As one `.sources` file; of every suite only the list of packages is asked for. */
export function formatAptSources(sources: AptSource[]): string {
  return sources
    .map(({ uris, suites, components, options }) =>
      Object.entries({
        Types: "deb",
        URIs: uris.join(" "),
        Suites: suites.join(" "),
        Components: components.join(" "),
        ...options,
        Targets: "Packages",
      })
        // An embedded key begins on the line after its field's name.
        .map(([name, value]) => `${name}: ${value.startsWith("-----") ? `\n ${value}` : value}\n`)
        .join(""),
    )
    .join("\n");
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
