// remote_console.ts ADDRESS KEY_FILE PROGRAM DIRECTORY COUNT: spawns programs on another machine one after the other, and
// prints how long after the request each was answered, executed and told to be ready.

import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { loadKeyRing } from "../../../../lib/security/mod.ts";
import { readNotes } from "../bench_child.ts";
import { Console } from "../daemon.ts";
import { pause } from "../processes.ts";
import { wallUs } from "../wall_clock.ts";

const [address = "", keyFile = "", program = "", directory = "", count = "0"] = Deno.args;
const { files, host } = denoPlatform();
const keys = loadKeyRing(files, keyFile, host.userId);
if (keys === null) throw new Error(`no key in ${keyFile}`);
const session = await Console.open(address, keys);
const answered: number[] = [];
const executed: number[] = [];
const told: number[] = [];
const pings: number[] = [];
for (let at = -2; at < Number(count); at++) {
  await pause(500);
  const name = `r${at + 2}`;
  const notes = `${directory}/${name}.notes`;
  const ready = Promise.withResolvers<number>();
  session.onEvent = ({ program: of, kind }) => {
    if (of === name && kind === "ready") ready.resolve(wallUs());
  };
  const askedUs = wallUs();
  await session.spawn(name, [program, notes, "500"]);
  const answerUs = wallUs();
  const readyUs = await ready.promise;
  // The first calls warm up what runs here.
  if (at >= 0) {
    answered.push((answerUs - askedUs) / 1000);
    executed.push(((readNotes(notes).startsUs[0] ?? Infinity) - askedUs) / 1000);
    told.push((readyUs - askedUs) / 1000);
  }
  await session.remove(name);
  const pingUs = wallUs();
  await session.ping();
  if (at >= 0) pings.push((wallUs() - pingUs) / 1000);
}
await session.close();
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ answered, executed, told, pings })));
Deno.exit(0);
