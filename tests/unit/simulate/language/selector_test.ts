// Selectors mean who they say, in the order of the scenario, each once.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import { PhiloxStream } from "../../../../lib/platform/simulated/mod.ts";
import { normaliseScenario, resolveSelector } from "../../../../lib/simulate/mod.ts";

const nodes = normaliseScenario({
  name: "x",
  nodes: {
    viz: { count: 12, tags: { stage: "left" } },
    app: { count: 2 },
    daemon: { count: 2, host_of: "viz", tags: { stage: "right" } },
  },
})[0]?.nodes ?? [];
const names = nodes.map(({ name }) => name);
const random = (seed = 1) => new PhiloxStream(seed, "selector");
const select = (selector: string) => resolveSelector(selector, { nodes, random: random() });

const viz = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `viz-${from + index}`);

for (
  const [selector, expected] of [
    ["viz-3", ["viz-3"]],
    ["viz-1..3", viz(1, 3)],
    ["viz-1", ["viz-1"]],
    ["viz-*", viz(0, 11)],
    ["*-1", ["viz-1", "app-1", "daemon-1"]],
    ["@all", names],
    ["*", names],
    ["app-1, viz-0, app-1", ["viz-0", "app-1"]],
    ["@role:visualization", viz(0, 11)],
    ["@group:app", ["app-0", "app-1"]],
    ["@host:viz-1", ["viz-1", "daemon-1"]],
    ["@tag:stage=right", ["daemon-0", "daemon-1"]],
    ["@tag:stage", [...viz(0, 11), "daemon-0", "daemon-1"]],
    ["viz-*,!viz-2..11", ["viz-0", "viz-1"]],
    ["!viz-*", ["app-0", "app-1", "daemon-0", "daemon-1"]],
    ["!viz-*, !@role:daemon, viz-4", ["viz-4", "app-0", "app-1"]],
    ["@random(99, app-*)", ["app-0", "app-1"]],
  ] as const
) {
  Deno.test(`${selector} means ${expected.length > 4 ? `${expected.length} nodes` : expected.join(", ")}`, () => {
    assertEquals(select(selector), [...expected]);
  });
}

for (
  const [selector, said] of [
    ["viz-12", /means no node/],
    ["viz-10..12", /no node viz-12/],
    ["viz-3..1", /backwards/],
    ["@role:leader", /means no node/],
    ["@random(0)", /draws nobody/],
    ["@random(2", /odd parenthesis/],
    ["viz-1,,viz-2", /empty part/],
    ["!@all", /means nobody/],
    ["", /empty part/],
    ["@everybody", /no selector/],
  ] as const
) {
  Deno.test(`${selector || "nothing"} is refused`, () => {
    const error = assertThrows(() => select(selector), HanaError);
    assertEquals(error.code, "config");
    assert(said.test(`${error.why}`), error.message);
  });
}

Deno.test("a role is that of the moment when somebody tells it", () => {
  const roleOf = (name: string) => name === "viz-7" ? "leader" : "follower";
  assertEquals(resolveSelector("@role:leader", { nodes, roleOf }), ["viz-7"]);
});

Deno.test("a draw without a stream is a mistake", () => {
  assertThrows(() => resolveSelector("@random(2)", { nodes }), HanaError, "drawn when it fires");
});

Deno.test("a draw is of the size asked for, from those asked for, and hangs on the stream alone", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 12 }), (seed, count) => {
    const draw = () => resolveSelector(`@random(${count}, viz-*, !viz-11)`, { nodes, random: random(seed) });
    const drawn = draw();
    assertEquals(drawn.length, Math.min(count, 11));
    assertEquals(new Set(drawn).size, drawn.length);
    assert(drawn.every((name) => name.startsWith("viz-") && name !== "viz-11"));
    assertEquals(draw(), drawn);
  }));
});

Deno.test("every node is drawn about as often as any other", () => {
  const times = new Map<string, number>();
  const stream = random(7);
  for (let i = 0; i < 4_800; i++) {
    for (const name of resolveSelector("@random(3, viz-*)", { nodes, random: stream })) {
      times.set(name, (times.get(name) ?? 0) + 1);
    }
  }
  // 1,200 expected each; the standard deviation is 30.
  for (const name of viz(0, 11)) {
    assert(Math.abs((times.get(name) ?? 0) - 1_200) < 150, `${name} ${times.get(name)}`);
  }
});

Deno.test("whatever is written, a selector is resolved or refused, and never anything else", () => {
  const piece = fc.constantFrom(
    "viz-1",
    "viz-*",
    "!",
    "@random(",
    ")",
    ",",
    "..",
    "3",
    "@role:app",
    "*",
    " ",
    "@",
    "(",
    "x",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
    const selector = pieces.join("");
    try {
      const chosen = select(selector);
      assert(chosen.length > 0 && chosen.every((name) => names.includes(name)));
      assertEquals(chosen, names.filter((name) => chosen.includes(name)));
    } catch (thrown) {
      assert(thrown instanceof HanaError && thrown.code === "config", `${selector}: ${thrown}`);
    }
  }));
});
