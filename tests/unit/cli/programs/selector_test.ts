// Which nodes `--on` means.

import { assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { NodeView } from "../../../../lib/node/mod.ts";
import { readSelector } from "../../../../cli/programs/selector.ts";

function node(name: string, change: Partial<NodeView> = {}): NodeView {
  return {
    id: [...name].map((c) => c.charCodeAt(0).toString(16)).join("").padEnd(32, "0").slice(
      0,
      32,
    ) as NodeView["id"],
    name,
    role: "daemon",
    state: "alive",
    incarnation: 1 as NodeView["incarnation"],
    version: "0.1.0",
    endpoints: [],
    interface: null,
    capabilities: {},
    resources: {},
    load: null,
    tags: {},
    ageMs: 0,
    sinceMs: 0,
    rttMs: null,
    trust: "keyed",
    leader: false,
    priority: 0,
    self: false,
    ...change,
  };
}

const load = (cpuPercent: number, gpuPercent: number | null = null, memoryFreeMb = 1000) => ({
  cpuPercent,
  gpuPercent,
  memoryFreeMb,
  vramFreeMb: null,
});
const NODES = [
  node("left", {
    tags: { wall: "north", group: "wall" },
    load: load(80),
    resources: { gpu: { vramMb: 24_000 } },
  }),
  node("right", {
    tags: { wall: "south", group: "wall" },
    load: load(20, 90),
    resources: { gpu: { vramMb: 4_000 } },
  }),
  node("back", { load: load(40, 10) }),
  node("mute"),
  node("desk", { role: "app", load: load(1) }),
  node("eye", { role: "observer" }),
  node("gone", { state: "dead", tags: { group: "wall" } }),
];
const names = (text: string, nodes = NODES) =>
  readSelector(text, nodes, "the network").nodes.map(({ name }) => name);

Deno.test("--on means nodes by name, id, tag, condition, group, all, and several of these", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["left", ["left"]],
    [NODES[0]?.id.slice(0, 8) ?? "", ["left"]],
    ["all", ["back", "desk", "left", "mute", "right"]],
    ["*", ["back", "desk", "left", "mute", "right"]],
    ["tag:wall=north", ["left"]],
    ["tag:wall", ["left", "right"]],
    ["wall", ["left", "right"]],
    ["gpu.vramMb>=8000", ["left"]],
    ["left,back,left", ["back", "left"]],
    ["tag:wall=south, back", ["back", "right"]],
    // A dead node is meant when it is named: whoever reaches for it is told that it is not there.
    ["gone", ["gone"]],
  ];
  for (const [text, expected] of cases) assertEquals(names(text), [...expected], text);
});

Deno.test("the least loaded is the one whose busier half is least busy; ties go by memory, then by name", () => {
  assertEquals(names("@least-loaded"), ["back"]);
  assertEquals(names("@least-loaded", [node("b", { load: load(10) }), node("a", { load: load(10) })]), ["a"]);
  assertEquals(
    names("@least-loaded", [node("a", { load: load(10, null, 5) }), node("b", { load: load(10, null, 9) })]),
    ["b"],
  );
  // One that tells nothing is taken last, and a daemon before an app.
  assertEquals(names("@least-loaded", [node("a"), node("b", { load: load(99) })]), ["b"]);
  assertEquals(names("@least-loaded", [node("a", { role: "app", load: load(1) }), node("b")]), ["b"]);
});

Deno.test("what cannot be read or fits nothing says what there is", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["", "usage", /--on wants a node/],
    ["@idle", "usage", /no choice @idle/],
    ["lefft", "not-found", /did you mean left\?/],
    ["nowhere", "not-found", /shows back, desk, left, mute, right/],
    ["tag:wall=east", "not-found", /no node fits tag:wall=east/],
    ["gpu.vramMb>=>8000", "usage", /cannot be read/],
    ["eye", "not-found", /no node eye/],
  ];
  for (const [text, code, words] of cases) {
    const error = assertThrows(() => names(text), HanaError);
    assertEquals(error.code, code, text);
    assertEquals(words.test(`${error.what} ${error.why ?? ""}`), true, `${text}: ${error.message}`);
  }
  assertThrows(() => names("all", []), HanaError, "no node answers");
});

Deno.test("two nodes of one name are told apart by their ids", () => {
  const twins = [node("left"), { ...node("left"), id: "ff".repeat(16) as NodeView["id"] }];
  const error = assertThrows(() => names("left", twins), HanaError);
  assertEquals([error.code, error.hint], ["usage", "--on ffffffff"]);
});
