// `bun run pictures`: a picture of every page of the dashboard in light, in dark and on a telephone, made by
// the test that goes through them (test/dashboard/browser/pages.test.ts), into docs/images/pages; and the page
// that shows them all.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { chromium } from "playwright-core";
import { locateChromium } from "../test/support/chromium.ts";

const ROOT = join(import.meta.dir, "..");
const FOLDER = join(ROOT, "docs/images/pages");
const LOOKS = ["light", "dark", "phone"];
const QUALITY = 0.9;

const made = await mkdtemp(join(tmpdir(), "fluxhook-pictures-"));
const tests = Bun.spawn(
  [process.execPath, "test", "--timeout", "300000", "test/dashboard/browser/pages.test.ts"],
  {
    cwd: ROOT,
    env: { ...process.env, FLUXHOOK_TEST_SCREENSHOTS: made },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
if ((await tests.exited) !== 0) console.error("a page is not as it should be; see above");

const files = [...new Bun.Glob("*.png").scanSync(made)].toSorted();
await rm(FOLDER, { recursive: true, force: true });
await convert(files);
await rm(made, { recursive: true });

const names = [...new Set(files.map((file) => file.replace(/-[a-z]+\.png$/, "")))];
const rows = names.map((name) => {
  const cells = LOOKS.map((look) => {
    const width = look === "phone" ? 120 : 300;
    return `<img src="pages/${name}-${look}.webp" width="${width}" alt="${name}, ${look}">`;
  });
  return `| ${name} | ${cells.join(" | ")} |`;
});
const gallery = [
  "# Every page of the dashboard",
  "Made by `bun run pictures`. The names that begin with `portal` are pages of one owner.",
  ["| page | light | dark | telephone |", "| --- | --- | --- | --- |", ...rows].join("\n"),
].join("\n\n");
await Bun.write(join(ROOT, "docs/images/README.md"), `${gallery}\n`);
console.log(`${files.length} pictures of ${names.length} pages in docs/images/pages`);

/** To WebP, by the browser itself: a quarter of the bytes. */
async function convert(pictures: readonly string[]): Promise<void> {
  const found = await locateChromium();
  if (!("chromium" in found)) throw new Error(found.missing);
  const browser = await chromium.launch({
    executablePath: found.chromium.path,
    args: ["--no-sandbox", "--disable-gpu"],
    env: { ...(process.env as Record<string, string>), ...found.chromium.env },
  });
  const page = await browser.newPage();
  for (const file of pictures) {
    const png = Buffer.from(await Bun.file(join(made, file)).bytes()).toString("base64");
    const webp = await page.evaluate<string>(`(async () => {
      const image = new Image();
      image.src = "data:image/png;base64,${png}";
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = image.width;
      canvas.height = image.height;
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL("image/webp", ${QUALITY}).split(",")[1];
    })()`);
    const target = join(FOLDER, `${basename(file, ".png")}.webp`);
    await Bun.write(target, Buffer.from(webp, "base64"));
  }
  await browser.close();
}
