// A port that swallows connection attempts, as a host behind a firewall does: its queue of connections
// is full and nobody accepts them, so Linux drops every further SYN. Needs no privileges.
import { dlopen } from "bun:ffi";
import { connect, type Socket } from "node:net";
import ipaddr from "ipaddr.js";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
/** Room for one connection (listen(2)), and on some kernels for one more. */
const BACKLOG = 0;
const FILLERS = 3;

const libc = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
}).symbols;

export interface SilentAddress extends AsyncDisposable {
  stop(): void;
}

/** `address` has to be one of this machine, and `port` has to be free there. */
export async function silence(address: string, port: number): Promise<SilentAddress> {
  const listening = listen(address, port);
  const fillers: Socket[] = [];
  const stop = () => {
    for (const filler of fillers) filler.destroy();
    libc.close(listening);
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  for (let i = 0; i < FILLERS; i++) {
    const filler = connect({ host: address, port });
    filler.unref();
    filler.on("error", reject);
    // The first one takes the last place.
    filler.once("connect", resolve);
    fillers.push(filler);
  }
  await promise;
  return { stop, [Symbol.asyncDispose]: async () => stop() };
}

function listen(address: string, port: number): number {
  const name = socketAddress(address, port);
  const fd = libc.socket(address.includes(":") ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  if (fd < 0) throw new Error("socket() failed");
  if (libc.bind(fd, name, name.length) !== 0 || libc.listen(fd, BACKLOG) !== 0) {
    libc.close(fd);
    throw new Error(`cannot listen at ${address} port ${port}`);
  }
  return fd;
}

/** `sockaddr_in` and `sockaddr_in6`. */
function socketAddress(address: string, port: number): Buffer {
  const bytes = ipaddr.parse(address).toByteArray();
  const isV6 = bytes.length === 16;
  const name = Buffer.alloc(isV6 ? 28 : 16);
  name.writeUInt16LE(isV6 ? AF_INET6 : AF_INET, 0);
  name.writeUInt16BE(port, 2);
  name.set(bytes, isV6 ? 8 : 4);
  return name;
}
