import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HanaError, Histogram, type Incarnation, type NodeId } from "../../../lib/base/mod.ts";
import type { NodeView } from "../../../lib/node/mod.ts";
import { isPresent, nodeFilter } from "../../../cli/nodes/filter.ts";
import { pingRendering, pingSummary, shortPath, streamNotes } from "../../../cli/nodes/ping_rendering.ts";
import { Palette } from "../../../cli/output/mod.ts";
import { tableLines } from "../../../cli/output/table.ts";
import {
  byStateAndName,
  countAlive,
  isSameForWatcher,
  type ListedNode,
  nodesRendering,
} from "../../../cli/nodes/rendering.ts";

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
    load: null,
    tags: { wall: "north" },
    ageMs: 120,
    sinceMs: 5000,
    rttMs: 0.4,
    trust: "keyed",
    leader: false,
    priority: 0,
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
    [{ tag: ["wall!=north"] }, false],
    [{ role: "app,visualization" }, true],
    [{ role: "app,daemon" }, false],
    [{ state: "dead,left,alive" }, true],
    [{ state: "unreachable,partitioned" }, false],
    [{ state: "all" }, true],
    [{ capability: ["free.vramMb>=1"] }, false],
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
    text: "dead (open)",
    tone: "bad",
  });
  assertEquals(cell("SINCE", node({ state: "dead" })), "5s ago");
  assertEquals(cell("SINCE", node({ state: "left", sinceMs: 999 })), "just now");
  assertEquals(cell("SINCE", node()), null);
  const restarted: ListedNode = {
    ...node(),
    event: { kind: "restarted", was: 6 as Incarnation, now: 7 as Incarnation },
  };
  assertEquals(cell("STATE", restarted), { text: "alive (restarted)", tone: "good" });
  assertEquals(cell("STATE", { ...restarted, trust: "open" }), {
    text: "alive (open, restarted)",
    tone: "good",
  });
  assertEquals(cell("NAME", node({ self: true })), "stage-left (here)");
  assertEquals(cell("NAME", node({ leader: true })), "stage-left (leads)");
  assertEquals(cell("NAME", node({ self: true, leader: true })), "stage-left (here, leads)");
  const nodes = [node(), node({ state: "suspect" }), node({ state: "left" })];
  assertEquals(countAlive(nodes), 1);
  assertEquals(rendering.document(nodes).summary, { total: 3, alive: 1, elapsedMs: 40 });
  assertStringIncludes(rendering.summary?.(nodes) ?? "", "3 nodes, 1 suspect, 1 left");
  const dimmed = (["alive", "suspect", "unreachable", "partitioned", "dead", "left"] as const)
    .filter((state) => rendering.dimmed?.(node({ state })) === true);
  assertEquals(dimmed, ["unreachable", "partitioned", "dead", "left"]);
});

Deno.test("SINCE is there for people only when somebody is not alive, and for scripts always, in the last place", () => {
  const rendering = nodesRendering(() => 40);
  const head = (nodes: NodeView[]): string => tableLines(rendering, nodes, new Palette(false), 200)[0] ?? "";
  assert(!head([node()]).includes("SINCE"));
  assert(head([node(), node({ state: "left" })]).includes("SINCE"));
  const headers = rendering.columns.map((column) => column.header);
  assertEquals(headers.join(" "), "NAME ROLE ADDRESS INTERFACE VERSION AGE RTT STATE OWNER SINCE");
});

Deno.test("the living come first, and those whom -q names are the ones that can be spoken to", () => {
  const states = ["left", "dead", "suspect", "alive", "partitioned", "unreachable"] as const;
  const nodes = [
    ...states.map((state) => node({ state })),
    node({ name: "a", state: "dead" }),
    node({ name: "b" }),
  ];
  assertEquals(nodes.sort(byStateAndName).map(({ name, state }) => `${state} ${name}`), [
    "alive b",
    "alive stage-left",
    "suspect stage-left",
    "unreachable stage-left",
    "partitioned stage-left",
    "dead a",
    "dead stage-left",
    "left stage-left",
  ]);
  assertEquals(nodes.filter(isPresent).map(({ state }) => state), ["alive", "alive", "suspect"]);
});

Deno.test("what machines have is shown with how much is free; of a dead one only what it had", () => {
  const rendering = nodesRendering(() => 40, { resources: true });
  const machine = node({
    resources: {
      cpu: { cores: 16, model: "x" },
      memory: { totalMb: 32026 },
      gpu: { count: 2, vramMb: 8192, list: [{ vendor: "intel" }, { name: "RTX A2000", vramMb: 8192 }] },
      display: {
        count: 3,
        list: [
          { width: 1920, height: 1080, refreshHz: 59.94 },
          { width: 1920, height: 1080, refreshHz: 60 },
          { width: 3840, height: 2160 },
        ],
      },
    },
    load: { cpuPercent: 35, gpuPercent: 12, memoryFreeMb: 20000, vramFreeMb: 4096 },
  });
  const cells = (of: NodeView, how: "cell" | "plain"): unknown[] =>
    ["CPU", "MEM", "GPU", "VRAM", "DISPLAYS"].map((header) =>
      rendering.columns.find((column) => column.header === header)?.[how]?.(of)
    );
  assertEquals(cells(machine, "cell"), [
    "35% of 16",
    "20/31 GB",
    "12% of RTX A2000 +1",
    "4/8 GB",
    "2× 1920x1080@60, 3840x2160",
  ]);
  assertEquals(cells(machine, "plain"), [
    "35/16",
    "20000/32026",
    "intel,RTX A2000",
    "4096/8192",
    "1920x1080@60,1920x1080@60,3840x2160",
  ]);
  assertEquals(cells({ ...machine, state: "dead", load: null }, "cell").slice(0, 4), [
    "16",
    "31 GB",
    "RTX A2000 +1",
    "8 GB",
  ]);
  assertEquals(cells(node(), "cell"), [null, null, null, null, null]);
  assertEquals(cells(node(), "plain"), [null, null, null, null, null]);
  const odd = node({
    resources: { cpu: "fast", memory: { totalMb: "x" }, gpu: { list: [7, {}] }, display: { list: {} } },
  });
  assertEquals(cells(odd, "cell"), [null, null, "? +1", null, null]);
});

Deno.test("a watcher is told of changes, not of time passing", () => {
  assert(isSameForWatcher(node(), node({ ageMs: 900, sinceMs: 9000, rttMs: 3 })));
  assert(!isSameForWatcher(node(), node({ state: "suspect" })));
  assert(!isSameForWatcher(node(), node({ tags: {} })));
  assert(!isSameForWatcher(node(), { ...node(), event: { kind: "resumed" } }));
  assert(isSameForWatcher({ ...node(), event: { kind: "resumed" } }, node()));
  const busy = node({ load: { cpuPercent: 90, gpuPercent: null, memoryFreeMb: 1, vramFreeMb: null } });
  assertEquals([isSameForWatcher(node(), busy), isSameForWatcher(node(), busy, true)], [true, false]);
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

Deno.test("why lanes to a node on the network stay on TCP is told once, of others nothing", () => {
  const rtt = new Histogram();
  const of = (
    node: string,
    path: string,
    carrier: "udp" | "stream" | null,
    why: string,
    lane = "control",
  ) => ({
    ...{ node, path, carrier, why, lane, rtt, sent: 1, received: 1, error: null, seal: null },
  });
  const results = [
    of("a", "tcp://10.0.0.2:5000", "stream", "no datagram came back yet"),
    of("a", "tcp://10.0.0.2:5000", "stream", "no datagram came back yet", "state"),
    of("b", "udp://10.0.0.3:5000", "udp", "datagrams pass both ways"),
    of("c", "unix:///run/c.sock", "stream", "the peer is on this machine"),
  ];
  assertEquals(streamNotes(results), ["lanes to a stay on TCP: no datagram came back yet"]);
  const [json] = results.map((result) => pingRendering().json(result));
  assertEquals([json?.path, json?.carrier, json?.why], [
    "tcp://10.0.0.2:5000",
    "stream",
    "no datagram came back yet",
  ]);
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
