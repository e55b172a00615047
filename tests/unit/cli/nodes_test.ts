import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HanaError, Histogram, type Incarnation, type NodeId } from "../../../lib/base/mod.ts";
import type { NodeView } from "../../../lib/node/mod.ts";
import { nodeFilter } from "../../../cli/nodes/filter.ts";
import { pingRendering, pingSummary, shortPath } from "../../../cli/nodes/ping_rendering.ts";
import { countAlive, isSameForWatcher, nodesRendering } from "../../../cli/nodes/rendering.ts";

function node(change: Partial<NodeView> = {}): NodeView {
  return {
    id: "0123456789abcdef0123456789abcdef" as NodeId,
    name: "stage-left",
    role: "visualization",
    state: "alive",
    incarnation: 7 as Incarnation,
    version: "0.1.0",
    endpoints: [{ kind: "unix", address: "unix:///run/x.sock" }, {
      kind: "tcp",
      address: "tcp://10.0.0.2:5000",
    }],
    interface: "eth0",
    capabilities: { gpu: { vramMb: 8192, vendor: "x" }, laser: false },
    resources: { cores: 16 },
    tags: { wall: "north" },
    ageMs: 120,
    sinceMs: 5000,
    rttMs: 0.4,
    trust: "keyed",
    leader: false,
    self: false,
    ...change,
  };
}

Deno.test("a filter takes nodes by role, tag and capability, all of them at once", () => {
  const table: [Parameters<typeof nodeFilter>[0], boolean][] = [
    [{}, true],
    [{ role: "visualization" }, true],
    [{ role: "app" }, false],
    [{ state: "alive" }, true],
    [{ state: "dead" }, false],
    [{ tag: ["wall"] }, true],
    [{ tag: ["wall=north"] }, true],
    [{ tag: ["wall=south"] }, false],
    [{ tag: ["wall=north", "floor"] }, false],
    [{ capability: ["gpu"] }, true],
    [{ capability: ["gpu.vramMb>=8000"] }, true],
    [{ capability: ["gpu.vramMb>8192"] }, false],
    [{ capability: ["gpu.vramMb<=8192", "gpu.vendor=x"] }, true],
    [{ capability: ["cores<16"] }, false],
    [{ capability: ["cores=16"] }, true],
    [{ capability: ["laser"] }, false],
    [{ capability: ["toString"] }, false],
    [{ role: "visualization", tag: ["wall=north"], capability: ["gpu"] }, true],
  ];
  for (const [texts, expected] of table) {
    assertEquals(nodeFilter(texts)(node()), expected, JSON.stringify(texts));
  }
});

Deno.test("a filter that cannot be read says so before anybody is asked", () => {
  assertThrows(() => nodeFilter({ role: "wizard" }), HanaError, "there is no role wizard");
  assertThrows(() => nodeFilter({ state: "asleep" }), HanaError, "there is no state asleep");
  assertThrows(() => nodeFilter({ role: "observer" }), HanaError, "there is no role observer");
  assertThrows(() => nodeFilter({ capability: ["gpu >> 3"] }), HanaError, "cannot be read");
});

Deno.test("nodes are shown with the address that others can use, and the silent ones since when", () => {
  const rendering = nodesRendering(() => 40);
  const cell = (header: string, of: NodeView): unknown =>
    rendering.columns.find((column) => column.header === header)?.cell(of);
  assertEquals(cell("ADDRESS", node()), "10.0.0.2:5000");
  assertEquals(cell("ADDRESS", node({ endpoints: [] })), null);
  assertEquals(cell("STATE", node()), { text: "alive", tone: "good" });
  assertEquals(cell("STATE", node({ state: "dead", trust: "open" })), {
    text: "dead 5s (open)",
    tone: "bad",
  });
  assertEquals(cell("NAME", node({ self: true })), "stage-left (here)");
  const nodes = [node(), node({ state: "suspect" }), node({ state: "left" })];
  assertEquals(countAlive(nodes), 1);
  assertEquals(rendering.document(nodes).summary, { total: 3, alive: 1, elapsedMs: 40 });
  assertStringIncludes(rendering.summary?.(nodes) ?? "", "3 nodes, 1 suspect, 1 left");
  assert(rendering.dimmed?.(node({ state: "left" })) === true && rendering.dimmed?.(node()) === false);
});

Deno.test("a watcher is told of changes, not of time passing", () => {
  assert(isSameForWatcher(node(), node({ ageMs: 900, sinceMs: 9000, rttMs: 3 })));
  assert(!isSameForWatcher(node(), node({ state: "suspect" })));
  assert(!isSameForWatcher(node(), node({ tags: {} })));
});

Deno.test("a ping row keeps exact microseconds for scripts and says which path replied", () => {
  const rtt = new Histogram();
  for (const us of [300, 400, 500, 9000]) rtt.record(us);
  const result = {
    node: "a",
    path: "tcp://10.0.0.2:5000",
    lane: "control",
    sent: 5,
    received: 4,
    rtt,
    error: null,
    seal: "encrypted",
  } as const;
  const json = pingRendering().json(result);
  assertEquals([json.node, json.path, json.lane, json.sent, json.received], [
    "a",
    result.path,
    "control",
    5,
    4,
  ]);
  assertEquals((json.rttUs as Record<string, number>).min, 300);
  assertEquals((json.rttUs as Record<string, number>).max, 9000);
  const silent = pingRendering().json({ ...result, received: 0, rtt: new Histogram() });
  assertEquals(silent.rttUs, null);
  assertEquals(shortPath("unix:///run/user/0/hana/0123.sock"), "unix socket");
  assertEquals(shortPath("tcp://10.0.0.2:5000"), "tcp 10.0.0.2:5000");
});

Deno.test("a histogram counts every reply once", () => {
  const rtt = new Histogram();
  for (let us = 100; us < 5000; us += 100) rtt.record(us);
  const text = pingSummary([{
    node: "a",
    path: "tcp://h:1",
    lane: "state",
    sent: 49,
    received: 49,
    rtt,
    error: null,
    seal: null,
  }]);
  const counts = [...text.matchAll(/ (\d+)$/gm)].map((match) => Number(match[1]));
  assertEquals(counts.reduce((sum, count) => sum + count, 0), 49);
});
