// An observer that holds a session by the local socket and one by TCP: round trips, and one-way messages.
// Arguments: the mesh key as hex, the server's local address, its TCP port.

import { fromHex } from "../../../lib/base/mod.ts";
import { Node, PING } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import type { Session } from "../../../lib/session/mod.ts";
import { measureTrips, message, serveCommands } from "./commands.ts";
import { COUNT_NOTES, NOTE } from "./node_messages.ts";

const [key = "", local = "", remote = ""] = Deno.args;
const node = await Node.start(denoPlatform(), {
  role: "observer",
  software: "bench",
  stateDirectory: "",
  runDirectory: null,
  keys: new MeshKeyRing(new MeshKey(fromHex(key)), null),
  tcpPort: null,
  discovery: null,
});
const unix = await node.open(local);
const tcp = await node.open(remote);
if (unix.secure || !tcp.secure) throw new Error("the paths are not what they should be");

async function roundTrips(session: Session, count: number): Promise<number[]> {
  const payload = message();
  return await measureTrips(count, () => session.request(PING.control, { payload }));
}

/** Milliseconds until the last of `count` messages was handled at the other side. */
async function oneWay(count: number): Promise<number> {
  const body = message();
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    const status = unix.send(NOTE, body);
    if (status === "queued") await unix.writable("events");
    else if (status !== "sent") throw new Error(`a message was not sent: ${status}`);
  }
  const reply = await unix.request(COUNT_NOTES, {});
  const tookMs = performance.now() - started;
  if (reply.count !== count) throw new Error(`${reply.count} of ${count} messages were handled`);
  return tookMs;
}

await serveCommands(({ what, count }) => {
  if (what === "unix") return roundTrips(unix, Number(count));
  if (what === "tcp") return roundTrips(tcp, Number(count));
  return oneWay(Number(count));
});
Deno.exit(0);
