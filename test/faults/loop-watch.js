// Loaded into the measured process before its own code (`preload` of a bunfig.toml). Measures how long
// the event loop stops: the processor time of the main thread between two ticks of a timer, so that a
// busy machine adds nothing. Answers and begins again when it is asked on its own port.
const { writeFileSync } = require("node:fs");

const file = process.env.LOOP_WATCH;
if (file) {
  let longest = { cpuMs: 0, wallMs: 0 };
  let cpuBefore = process.threadCpuUsage();
  let wallBefore = performance.now();
  const look = () => {
    const cpu = process.threadCpuUsage();
    const wall = performance.now();
    const cpuMs = (cpu.user + cpu.system - cpuBefore.user - cpuBefore.system) / 1_000;
    if (cpuMs > longest.cpuMs) longest = { cpuMs, wallMs: wall - wallBefore };
    cpuBefore = cpu;
    wallBefore = wall;
  };
  setInterval(look, 1).unref();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    async fetch() {
      // What has just run may have had no tick behind it yet.
      look();
      await Bun.sleep(3);
      look();
      const answer = Response.json(longest);
      longest = { cpuMs: 0, wallMs: 0 };
      return answer;
    },
  });
  server.unref();
  writeFileSync(file, String(server.port));
}
