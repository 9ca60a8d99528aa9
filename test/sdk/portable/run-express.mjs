// `node run-express.mjs <folder> <sample as JSON>`: the middleware before Express on Node's own HTTP
// server. Prints the status of each request.
import express from "express";

const [folder, input] = process.argv.slice(2);
const { receiveWebhook, eventOf } = await import(`file://${folder}/express.js`);
const { secret, nowSeconds, headers, body } = JSON.parse(input);

const app = express();
const receive = receiveWebhook({ secret, nowSeconds, maxBodyBytes: 1_000 });
const tell = (req, res) =>
  res.json({ event: eventOf(req), raw: Buffer.from(req.rawBody).toString() });
app.post("/alone", receive, tell);
app.post("/raw", express.raw({ type: "application/json" }), receive, tell);
app.post("/parsed", express.json(), receive, tell);
app.use((error, _req, res, _next) => res.status(500).send(error.message));
const server = app.listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));

const post = async (path, given, options = {}) => {
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, {
    method: "POST",
    headers,
    body: given,
    ...options,
  });
  return [response.status, await response.text()];
};
const streamed = (text) => [new Blob([text]).stream(), { duplex: "half" }];
const large = body + " ".repeat(500_000);
console.log(
  JSON.stringify({
    genuine: await post("/alone", body),
    raw: await post("/raw", body),
    forged: await post("/alone", `${body} `),
    parsed: await post("/parsed", body),
    large: await post("/alone", large),
    largeStreamed: await post("/alone", ...streamed(large)),
    genuineAgain: await post("/alone", ...streamed(body)),
  }),
);
server.close();
server.closeAllConnections();
