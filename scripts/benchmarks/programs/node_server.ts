// A node as it ships, without discovery: answers pings and takes notes on its local socket and by TCP.
// Arguments: an empty directory, and the mesh key as hex.

import { fromHex } from "../../../lib/base/mod.ts";
import { Node } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { MeshKey, MeshKeyRing } from "../../../lib/security/mod.ts";
import { serveCommands, tell } from "./commands.ts";
import { COUNT_NOTES, NOTE } from "./node_messages.ts";

const [directory = "", key = ""] = Deno.args;
const node = await Node.start(denoPlatform(), {
  role: "daemon",
  name: "server",
  software: "bench",
  stateDirectory: `${directory}/s`,
  runDirectory: `${directory}/r`,
  keys: new MeshKeyRing(new MeshKey(fromHex(key)), null),
  discovery: null,
});
let notes = 0;
node.onEvent(NOTE, () => {
  notes++;
});
node.onRequest(COUNT_NOTES, () => {
  const count = notes;
  notes = 0;
  return { count };
});
tell({ addresses: node.addresses });
await serveCommands(() => ({}));
Deno.exit(0);
