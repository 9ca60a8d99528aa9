// `node|deno|bun run.mjs <folder of the built package> <input as JSON>`: prints what was checked.
import process from "node:process";
import { check } from "./checks.mjs";

const [folder, input] = process.argv.slice(2);
const sdk = await import(`file://${folder}/index.js`);
const hono = await import(`file://${folder}/hono.js`);
console.log(JSON.stringify(await check(sdk, hono, JSON.parse(input))));
