// A visualization with a message of its own, as somebody would write it who uses hana as a library.
// custom_message.ts STATE_DIRECTORY RUN_DIRECTORY: serves as `wall`, prints `ready`, then each flash; SIGTERM ends it.

// deno-lint-ignore-file no-console

import { defineEvent, defineRequest, loadKeyRing, Node, openMeshKeyRing, s } from "../../../lib/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";

/** Lights the whole wall for a moment. */
const FLASH = defineRequest({
  name: "wall.flash",
  description: "Lights the whole wall for a moment.",
  lane: "control",
  effect: "command",
  from: ["app", "observer"],
  to: ["visualization"],
  body: s.object({
    count: s.integer({ minimum: 1, maximum: 10, description: "how often" }),
    colour: s.optional(s.enum(["white", "red"])),
  }),
  reply: s.object({ flashes: s.integer(), colour: s.string() }),
});

/** Shifts the hue of everything. */
const HUE = defineEvent({
  name: "wall.hue",
  lane: "modulation",
  effect: "command",
  from: ["app", "observer"],
  to: ["visualization"],
  body: s.object({ hue: s.number({ minimum: 0, maximum: 1 }) }),
});

/** What only a daemon may ask. */
const PARK = defineRequest({
  name: "wall.park",
  lane: "control",
  effect: "command",
  from: ["daemon"],
  to: ["visualization"],
  body: s.object({}),
  reply: s.object({}),
});

/** Fails, as programs do. */
const BREAK = defineRequest({
  name: "wall.break",
  lane: "control",
  effect: "command",
  from: ["observer"],
  to: ["visualization"],
  body: s.object({}),
  reply: s.object({}),
});

const [stateDirectory = "", runDirectory = ""] = Deno.args;
const platform = denoPlatform();
const keys = loadKeyRing(platform.files, `${stateDirectory}/mesh.key`, platform.host.userId) ??
  openMeshKeyRing();
const node = await Node.start(platform, {
  role: "visualization",
  name: "wall",
  software: "example 1.0",
  stateDirectory,
  runDirectory,
  keys,
});

let flashes = 0;
node.onRequest(FLASH, ({ count, colour = "white" }) => {
  flashes += count;
  console.log(`flash ${count} ${colour}`);
  return { flashes, colour };
});
node.onEvent(HUE, ({ hue }) => console.log(`hue ${hue}`));
node.onRequest(PARK, () => ({}));
node.onRequest(BREAK, () => {
  throw new TypeError("no projector");
});
console.log("ready");

await new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
await node.stop();
Deno.exit(0);
