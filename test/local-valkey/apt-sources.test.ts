import { describe, expect, test } from "bun:test";

import { parseDebianRelease } from "../../src/local-valkey/debian-release.ts";
import {
  backportsSources,
  formatAptSources,
  parseAptSources,
  releaseSources,
} from "../../src/local-valkey/apt-sources.ts";

const DEBIAN = {
  uris: ["http://mirror.example/debian"],
  suites: ["bookworm"],
  components: ["main"],
  options: {},
};
const signed = (by: string) => ({ ...DEBIAN, options: { "Signed-By": by } });

const MAIN = `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
`;
const KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865UxYJKwYBBAHaRw8BAQdA
 -----END PGP PUBLIC KEY BLOCK-----`;

describe("parseAptSources", () => {
  test.each([
    ["a plain stanza", MAIN, [DEBIAN]],
    ["names and types in any case and order", MAIN.replace("Types", "tYPES"), [DEBIAN]],
    ["a stanza after a comment", `# made by the installer\n${MAIN}`, [DEBIAN]],
    ["a comment inside a stanza", MAIN.replace("URIs", "# was: URIs: x\nURIs"), [DEBIAN]],
    ["two stanzas", `${MAIN}\n\n${MAIN}`, [DEBIAN, DEBIAN]],
    ["stanzas parted by a line of blanks", `${MAIN} \t\n${MAIN}`, [DEBIAN, DEBIAN]],
    ["Windows line ends", MAIN.replaceAll("\n", "\r\n"), [DEBIAN]],
    [
      "a keyring",
      `${MAIN}Signed-By: /usr/share/keyrings/d.gpg\n`,
      [signed("/usr/share/keyrings/d.gpg")],
    ],
    ["an embedded key", `${MAIN}Signed-By:\n ${KEY}\n`, [signed(KEY)]],
    ["many types", MAIN.replace("deb\n", "deb deb-src\n"), [DEBIAN]],
    ["source code only", MAIN.replace("deb\n", "deb-src\n"), []],
    ["a stanza that is switched off", `Enabled: no\n${MAIN}`, []],
    ["a stanza that is switched on", `Enabled: yes\n${MAIN}`, [DEBIAN]],
    [
      "values over several lines",
      MAIN.replace("bookworm", "\n bookworm\n bookworm-updates"),
      [{ ...DEBIAN, suites: ["bookworm", "bookworm-updates"] }],
    ],
    ["nothing", "", []],
  ])("reads deb822: %s", (_, text, sources) => {
    expect(parseAptSources(text, "debian.sources")).toEqual(sources);
  });

  test.each([
    ["a plain line", "deb http://mirror.example/debian bookworm main", [DEBIAN]],
    ["tabs and a comment", "\tdeb\thttp://mirror.example/debian bookworm main # here", [DEBIAN]],
    ["a line that is commented out", "# deb http://mirror.example/debian bookworm main", []],
    ["source code", "deb-src http://mirror.example/debian bookworm main", []],
    ["a CD", "deb cdrom:[Debian 12 _Bookworm_ - Official amd64]/ bookworm main", []],
    [
      "a keyring",
      "deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main",
      [signed("/k.gpg")],
    ],
    [
      "several options and keyrings",
      "deb [ arch=amd64,arm64 signed-by=/a.gpg,/b.gpg lang=de ] http://mirror.example/debian bookworm main",
      [{ ...DEBIAN, options: { Architectures: "amd64 arm64", "Signed-By": "/a.gpg /b.gpg" } }],
    ],
    [
      "several components",
      "deb http://mirror.example/debian bookworm main contrib",
      [{ ...DEBIAN, components: ["main", "contrib"] }],
    ],
    [
      "a flat repository",
      "deb http://mirror.example/debian ./",
      [{ ...DEBIAN, suites: ["./"], components: [] }],
    ],
  ])("reads one-line: %s", (_, text, sources) => {
    expect(parseAptSources(text, "sources.list")).toEqual(sources);
  });
});

describe("the sources of a release", () => {
  const withSuites = (...suites: string[]) => ({ ...DEBIAN, suites });

  test("are its own suites, and not other vendors' for the same release", () => {
    const sources = [
      withSuites("bookworm", "bookworm-updates"),
      withSuites("bookworm-security", "trixie"),
      withSuites("bookworm-pgdg"),
      withSuites("nodistro"),
      { ...withSuites("bookworm"), components: ["stable"] },
    ];
    expect(releaseSources(sources, "bookworm")).toEqual([
      withSuites("bookworm", "bookworm-updates"),
      withSuites("bookworm-security"),
    ]);
  });

  test.each(["stable", "sid"])("may be named by the rolling name %s", (suite) => {
    expect(releaseSources([withSuites(suite)], "bookworm")).toEqual([withSuites(suite)]);
  });

  test("have their backports at the same mirror, under the same key", () => {
    const mirror = { ...signed("/k.gpg"), suites: ["bookworm", "bookworm-updates"] };
    const security = withSuites("bookworm-security");
    expect(backportsSources([mirror, security], "bookworm")).toEqual([
      { ...signed("/k.gpg"), suites: ["bookworm-backports"] },
    ]);
  });

  test.each([{}, { "Signed-By": "/a.gpg /b.gpg", Trusted: "yes" }, { "Signed-By": KEY }])(
    "are read back as they were written, options %#",
    (options) => {
      const sources = [{ ...DEBIAN, options }, DEBIAN];
      expect(parseAptSources(formatAptSources(sources), "x.sources")).toEqual(sources);
    },
  );
});

test.each([
  ["ID=debian\nVERSION_CODENAME=bookworm\n", "Debian", "bookworm"],
  [
    'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n',
    "Ubuntu",
    "noble",
  ],
  [
    'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n',
    "Ubuntu",
    "noble",
  ],
  [
    'ID=linuxmint\nID_LIKE=debian\nVERSION_CODENAME="faye"\nDEBIAN_CODENAME=bookworm\n',
    "Debian",
    "bookworm",
  ],
])("knows the release that %j is or is made from", (osRelease, distribution, codename) => {
  expect(parseDebianRelease(osRelease)).toEqual({
    distribution: distribution as "Debian" | "Ubuntu",
    codename,
    key: `${distribution.toLowerCase()}-${codename}-${process.arch}`,
  });
});

test.each(["ID=fedora\nVERSION_ID=43\n", "ID=alpine\n", "ID=debian\n", ""])(
  "takes %j for no Debian",
  (osRelease) => {
    expect(parseDebianRelease(osRelease)).toBeNull();
  },
);
