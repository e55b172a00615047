// The bare baseline's client: round trips of 64 bytes, and one-way frames, one a write or many a write.

import { FRAME_HEADER_BYTES, writeFrameHeader } from "../../../lib/wire/mod.ts";
import { measureTrips, message, MESSAGE_BYTES, serveCommands } from "./commands.ts";

const [path = "", port = "0"] = Deno.args;
const unix = await Deno.connect({ transport: "unix", path: `${path}-echo` });
const frames = await Deno.connect({ transport: "unix", path: `${path}-frames` });
const tcp = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
tcp.setNoDelay(true);

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function roundTrips(connection: Deno.Conn, count: number): Promise<number[]> {
  const out = message();
  const back = new Uint8Array(MESSAGE_BYTES);
  return await measureTrips(count, async () => {
    await writeAll(connection, out);
    for (let at = 0; at < MESSAGE_BYTES;) at += await connection.read(back.subarray(at)) ?? MESSAGE_BYTES;
  });
}

/** Milliseconds until the last of `count` frames was taken apart at the other side. */
async function oneWay(count: number, perWrite: number): Promise<number> {
  const frame = FRAME_HEADER_BYTES + MESSAGE_BYTES;
  const batch = new Uint8Array(perWrite * frame);
  for (let i = 0; i < perWrite; i++) {
    writeFrameHeader(batch, i * frame, MESSAGE_BYTES);
    batch.set(message(), i * frame + FRAME_HEADER_BYTES);
  }
  const end = new Uint8Array(FRAME_HEADER_BYTES + 1);
  writeFrameHeader(end, 0, 1);
  const started = performance.now();
  for (let left = count; left > 0; left -= perWrite) {
    await writeAll(frames, left >= perWrite ? batch : batch.subarray(0, left * frame));
  }
  await writeAll(frames, end);
  await frames.read(end);
  return performance.now() - started;
}

await serveCommands(({ what, count, perWrite }) => {
  if (what === "unix") return roundTrips(unix, Number(count));
  if (what === "tcp") return roundTrips(tcp, Number(count));
  return oneWay(Number(count), Number(perWrite));
});
Deno.exit(0);
