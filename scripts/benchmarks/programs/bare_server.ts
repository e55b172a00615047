// The bare baseline's server, on the Unix socket `args[0]` and on TCP: sends back what comes, or counts frames.
// Nothing but the runtime: no session, no schema, no bound, no encryption.

import { FrameDecoder } from "../../../lib/wire/mod.ts";
import { serveCommands, tell } from "./commands.ts";

const [path = ""] = Deno.args;
const unix = Deno.listen({ transport: "unix", path: `${path}-echo` });
const frames = Deno.listen({ transport: "unix", path: `${path}-frames` });
const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });

async function acceptAll<C extends Deno.Conn>(
  listener: { accept(): Promise<C> },
  serve: (connection: C) => Promise<void>,
): Promise<void> {
  for (;;) serve(await listener.accept()).catch(() => {});
}

async function echo(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return connection.close();
    for (let at = 0; at < length;) at += await connection.write(buffer.subarray(at, length));
  }
}

/** Says how many whole frames came by one byte when the frame with nothing in it comes. */
async function countFrames(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  const decoder = new FrameDecoder(1 << 20);
  let last = false;
  const count = (payload: Uint8Array): void => {
    if (payload.length === 1) last = true;
  };
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return connection.close();
    decoder.push(buffer.subarray(0, length), count);
    if (!last) continue;
    last = false;
    await connection.write(buffer.subarray(0, 1));
  }
}

void acceptAll(unix, echo);
void acceptAll(frames, countFrames);
void acceptAll(tcp, (connection) => {
  connection.setNoDelay(true);
  return echo(connection);
});
tell({ port: tcp.addr.port });
await serveCommands(() => ({}));
Deno.exit(0);
