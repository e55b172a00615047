// The reference visualization: its parameters, its loop, and the block that it draws.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MAX_PARAMETERS, ParameterTable } from "../../../../cli/visualization/parameters.ts";
import { pictureLines } from "../../../../cli/visualization/drawing.ts";
import { RenderLoop } from "../../../../cli/visualization/render_loop.ts";
import type { HanaError } from "../../../../lib/base/mod.ts";
import { SimulatedWorld } from "../../../../lib/platform/simulated/mod.ts";

const SECOND = 1_000_000;

function codeOf(run: () => void): string {
  return (assertThrows(run) as HanaError).code;
}

Deno.test("numbers, texts, switches and colours are taken and told apart, anything else is refused", () => {
  const table = new ParameterTable();
  assertEquals(table.set("gain", 0.5).kind, "number");
  assertEquals(table.set("on", true).kind, "switch");
  assertEquals(table.set("title", "Spring tour").kind, "text");
  assertEquals(table.set("tint", "#FF8800"), { name: "tint", kind: "colour", value: "#ff8800" });
  assertEquals(table.set("glow", "#ff880080").kind, "colour");
  assertEquals(table.set("almost", "#ff88").kind, "text");
  for (const value of [null, undefined, NaN, Infinity, [1], { r: 1 }, "x".repeat(1_025), new Uint8Array(2)]) {
    assertEquals(codeOf(() => table.set("gain", value)), "schema");
  }
  assertEquals(table.get("gain")?.value, 0.5);
  assertEquals(table.changes, 6);
});

Deno.test("there are 256 parameters at most, and those that are there can still be set", () => {
  const table = new ParameterTable();
  for (let i = 0; i < MAX_PARAMETERS; i++) table.set(`p${i}`, i);
  assertEquals(codeOf(() => table.set("one more", 1)), "overloaded");
  assertEquals(table.set("p7", 70).value, 70);
  assertEquals(table.all.length, MAX_PARAMETERS);
});

Deno.test("the loop draws 60 times a second, measures it, and skips what a stall cost", async () => {
  const world = new SimulatedWorld({ seed: 1 });
  const { platform } = world.createHost({ name: "stage-left" });
  let busyUs = 0;
  const frames: number[] = [];
  const clock = { nowUs: () => platform.clock.nowUs() + busyUs, wallMs: () => 0 };
  const loop = new RenderLoop({ clock, timers: platform.timers }, (frame) => frames.push(frame));
  assertEquals([loop.frame, loop.fps], [0, null]);
  loop.start();
  await world.runFor(10 * SECOND);
  assert(Math.abs(loop.frame - 600) <= 2, `${loop.frame} frames`);
  assert(Math.abs((loop.fps ?? 0) - 60) < 0.5, `${loop.fps} fps`);
  const before = loop.frame;
  busyUs += SECOND;
  await world.runFor(SECOND / 10);
  assert(loop.frame - before < 12, `${loop.frame - before} frames after a stall of a second`);
  loop.stop();
  const stopped = loop.frame;
  await world.runFor(SECOND);
  assertEquals(loop.frame, stopped);
  assertEquals(frames.length, stopped);
});

Deno.test("the block shows who draws how fast and every parameter in its way, and texts cannot steer the terminal", () => {
  const table = new ParameterTable();
  table.set("gain", 0.5);
  table.set("tint", "#ff8800");
  table.set("on", false);
  table.set("title", "a\u001b[2Jb");
  const picture = { title: "stage-left", frame: 90, fps: 59.94, parameters: table.all };
  assertEquals(pictureLines(picture, false, 79), [
    "\\ stage-left  59.9 fps  frame 90",
    "  gain   ████████░░░░░░░░ 0.50",
    "  tint   #ff8800",
    "  on     off",
    "  title  a\\u{1b}[2Jb",
  ]);
  const coloured = pictureLines(picture, true, 79);
  assertEquals(coloured[2], "  tint   \u001b[48;2;255;136;0m    \u001b[0m #ff8800");
  for (let i = 0; i < 20; i++) table.set(`p${i}`, i);
  const many = pictureLines({ ...picture, parameters: table.all }, false, 79);
  assertEquals([many.length, many.at(-1)], [14, "  and 12 more"]);
});
