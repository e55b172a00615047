// A console as a program of its own, for a machine of the tests' network: spawns programs on another machine and prints
// how long each took. far_console.ts ADDRESS STATE_DIRECTORY SAMPLES COMMAND…; `{}` in COMMAND is the sample's number.
// Prints one JSON line: the milliseconds from each request to its answer.

import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { loadKeyRing } from "../../../lib/security/mod.ts";
import { Console } from "./console.ts";

const [address = "", stateDirectory = "", samples = "20", ...command] = Deno.args;
const { files, host } = denoPlatform();
const keys = loadKeyRing(files, `${stateDirectory}/mesh.key`, host.userId);
await using desk = await Console.open(address, keys === null ? {} : { keys });
const times: number[] = [];
for (let i = 0; i < Number(samples); i++) {
  const name = `far-${i}`;
  const startMs = performance.now();
  await desk.spawn(name, command.map((word) => word.replaceAll("{}", String(i))));
  times.push(performance.now() - startMs);
  await desk.until("it to run", () => desk.programs.get(name)?.state === "running");
  await desk.remove(name);
  // A spare shim is made a quarter of a second after one was used; its loading is not to be measured here.
  await new Promise((resolve) => setTimeout(resolve, 600));
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(times) + "\n"));
Deno.exit(0);
