// Run by node itself, for `node:http` inside Bun is another parser: asks for each answer of an answer
// server and writes what came, one JSON line each. `node node-judge.mjs <port> <count> [lenient]`:
// lenient is its option `insecureHTTPParser`.
import { Agent, request } from "node:http";

const [port, count] = process.argv.slice(2).map(Number);
const insecureHTTPParser = process.argv[4] === "lenient";
const AT_ONCE = 64;

if (process.versions.bun !== undefined) throw new Error("this has to be run by node, not by Bun");

/** One connection for each. `isWhole`: the answer was read to its end, and nothing was wrong with it. */
function ask(index) {
  const { promise, resolve } = withResolvers();
  const agent = new Agent({ keepAlive: true });
  const found = { index, status: null, code: null, isWhole: false };
  const asking = request({
    host: "127.0.0.1",
    port,
    agent,
    insecureHTTPParser,
    method: "POST",
    path: `/${index}`,
    headers: { "content-length": 2 },
  });
  asking.setTimeout(10_000, () => asking.destroy());
  asking.on("response", (answer) => {
    found.status = answer.statusCode;
    answer.on("error", (error) => (found.code ??= error.code ?? error.message));
    answer.on("end", () => (found.isWhole = answer.complete));
    answer.on("close", () => setImmediate(end));
    answer.resume();
  });
  asking.on("upgrade", (answer, socket) => {
    found.code = "upgrade";
    socket.destroy();
    end();
  });
  asking.on("error", (error) => {
    found.code ??= error.code ?? error.message;
    end();
  });
  asking.on("close", () => setImmediate(end));
  const end = () => {
    agent.destroy();
    resolve(found);
  };
  asking.end("{}");
  return promise;
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers() {
  const deferred = {};
  deferred.promise = new Promise((resolve) => (deferred.resolve = resolve));
  return deferred;
}

let next = 0;
async function run() {
  for (let index = next++; index < count; index = next++) {
    process.stdout.write(`${JSON.stringify(await ask(index))}\n`);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, run));
