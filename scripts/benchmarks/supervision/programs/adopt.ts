// adopt.ts NODE_DIRECTORY RUN_DIRECTORY SHIM…: takes over what runs there, as a daemon does, says how long that took, and
// lets go again.

import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { Supervisor } from "../../../../lib/supervision/mod.ts";

const [directory = "", runDirectory = "", ...shim] = Deno.args;
const platform = denoPlatform();
const began = performance.now();
const supervisor = await Supervisor.open({
  platform,
  directory,
  runDirectory,
  nodeName: "bench",
  shim: shim as [string, ...string[]],
  warm: false,
});
const ms = performance.now() - began;
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ ms, adopted: supervisor.counters.adopted })));
supervisor.close();
Deno.exit(0);
