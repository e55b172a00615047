// What is measured, from facts whose figures are known.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../../lib/base/mod.ts";
import { type ObserverDefinition, OBSERVERS, registerObserver } from "../../../../lib/simulate/mod.ts";
import { Samples } from "../../../../lib/simulate/observers/measure.ts";
import { nodes, plan, SECOND, stream } from "../run/plans.ts";
import { FakeRun } from "./fake_run.ts";

function observer(id: string): ObserverDefinition {
  const found = OBSERVERS.find((each) => each.id === id);
  assert(found !== undefined, `there is no observer ${id}`);
  return found;
}

Deno.test("percentiles are the smallest value that is not exceeded by that share", () => {
  const samples = new Samples("us");
  for (let value = 100; value >= 1; value--) samples.add(value);
  assertEquals(samples.metric(), { unit: "us", count: 100, min: 1, p50: 50, p95: 95, p99: 99, max: 100 });
  assertEquals(new Samples("us").metric(), { unit: "us", count: 0 });
});

Deno.test("a hundred thousand values keep their ends exact and their percentiles within 7 %", () => {
  const samples = new Samples("us");
  for (let value = 1; value <= 100_000; value++) samples.add(value);
  const { count, min, p50 = 0, p99 = 0, max } = samples.metric();
  assertEquals([count, min, max], [100_000, 1, 100_000]);
  assert(Math.abs(p50 - 50_000) < 3_500 && Math.abs(p99 - 99_000) < 7_000, `${p50} ${p99}`);
});

Deno.test("discovery: both directions of each pair, from the later start", () => {
  const run = new FakeRun(observer("discovery"));
  run.oracle.down.add("viz-1").add("viz-2");
  run.start("viz-0");
  run.pass(SECOND);
  run.start("viz-1");
  run.pass(200_000);
  run.see("viz-0", "viz-1", "alive", null);
  run.pass(100_000);
  run.see("viz-1", "viz-0", "alive", null);
  const metrics = run.metrics();
  assertEquals([metrics["discovery"]?.min, metrics["discovery"]?.max], [200_000, 300_000]);
  assertEquals(metrics["discovery.first"]?.max, 200_000);
  assertEquals(metrics["discovery.all"]?.max, 300_000);
  assertEquals(metrics["discovery.join"]?.max, 300_000);
  assertEquals(metrics["discovery.missing"]?.value, 0);
});

Deno.test("discovery: an entry of a former life does not count, who crashes is dropped, who is missed is counted", () => {
  const run = new FakeRun(observer("discovery"));
  run.oracle.down.add("viz-1").add("viz-2");
  run.start("viz-0");
  run.start("viz-1", 2);
  run.pass(SECOND);
  run.see("viz-0", "viz-1", "alive", "dead", 1);
  assertEquals(run.metrics()["discovery"]?.count, 0);
  run.start("viz-2");
  run.stop("viz-2", "crash");
  run.phase("end");
  assertEquals(run.metrics()["discovery.missing"]?.value, 2);
});

Deno.test("undiscovery: from the end of a life until each list shows it, by how it ended", () => {
  const run = new FakeRun(observer("undiscovery"));
  run.oracle.listAll();
  run.stop("viz-1", "leave");
  run.pass(100_000);
  run.see("viz-0", "viz-1", "left", "alive");
  run.pass(4_900_000);
  run.see("viz-2", "viz-1", "dead", "suspect");
  run.stop("viz-0", "crash");
  run.pass(4 * SECOND);
  run.see("viz-2", "viz-0", "dead", "suspect");
  const metrics = run.metrics();
  assertEquals([metrics["undiscovery"]?.count, metrics["undiscovery"]?.max], [3, 5 * SECOND]);
  assertEquals(metrics["undiscovery.leave"]?.min, 100_000);
  assertEquals(metrics["undiscovery.crash"]?.max, 4 * SECOND);
});

Deno.test("convergence: from the last end of a disturbance to the last change that brought agreement", () => {
  const run = new FakeRun(observer("convergence"));
  const fault = (phase: "begin" | "end"): void =>
    run.tell({
      kind: "fault",
      atUs: run.oracle.nowUs,
      action: "t0",
      phase,
      verb: "partition",
      chosen: [],
      text: "",
    });
  run.oracle.listAll();
  fault("begin");
  run.see("viz-0", "viz-1", "dead", "alive");
  fault("end");
  run.pass(450_000);
  run.see("viz-0", "viz-1", "alive", "dead");
  run.pass(SECOND);
  assertEquals([run.metrics()["convergence"]?.count, run.metrics()["convergence"]?.max], [1, 450_000]);
  run.see("viz-0", "viz-1", "dead", "alive");
  fault("end");
  run.pass(SECOND);
  run.phase("end");
  assertEquals(run.metrics()["convergence.never"]?.value, 1);
});

Deno.test("suspicion: the oracle tells the true from the false, and the frozen apart", () => {
  const run = new FakeRun(observer("suspicion"));
  run.see("viz-0", "viz-1", "suspect", "alive");
  run.pass(SECOND);
  run.see("viz-0", "viz-1", "alive", "suspect");
  run.oracle.stalled.add("viz-1");
  run.see("viz-0", "viz-1", "suspect", "alive");
  run.see("viz-0", "viz-1", "alive", "suspect");
  run.oracle.ways.set("viz-2>viz-0", { quality: "none", sinceUs: 0 });
  run.see("viz-0", "viz-2", "suspect", "alive");
  const metrics = run.metrics();
  assertEquals(["true", "false", "stalled"].map((kind) => metrics[`suspicion.${kind}`]?.value), [1, 1, 1]);
  assertEquals(metrics["suspicion.length"]?.max, SECOND);
  assertEquals([metrics["flap"]?.value, metrics["flap.max_per_node"]?.value], [2, 2]);
});

const received = (number: number, atUs: number, sentAtUs: number) =>
  ({
    kind: "received",
    atUs,
    traffic: "s0",
    from: "viz-0",
    to: "viz-1",
    number,
    sentAtUs,
    session: 1,
  }) as const;

Deno.test("lanes: latency, gaps, losses, doubles and latecomers", () => {
  const run = new FakeRun(
    observer("lanes"),
    plan({ nodes: nodes(2), traffic: [stream({ lane: "telemetry" })] }),
  );
  run.oracle.nowUs = 0;
  for (const number of [1, 2, 3, 4, 5]) {
    const status = number === 5 ? "full" : "sent";
    run.tell({
      kind: "sent",
      atUs: number * 1000,
      traffic: "s0",
      from: "viz-0",
      to: "viz-1",
      number,
      status,
    });
  }
  run.tell(received(1, 1_500, 1_000));
  run.tell(received(3, 3_700, 3_000));
  run.tell(received(2, 3_900, 2_000));
  run.tell(received(3, 4_000, 3_000));
  const metrics = run.metrics();
  const value = (name: string): number | undefined => metrics[`lane.telemetry.${name}`]?.value;
  assertEquals(
    ["sent", "refused", "received", "lost", "dup", "out_of_order"].map(value),
    [4, 1, 3, 1, 1, 1],
  );
  assertEquals(metrics["lane.telemetry.latency"]?.max, 1_900);
  assertEquals(metrics["lane.telemetry.gap"]?.max, 2_200);
});

Deno.test("sessions: how long there was none", () => {
  const run = new FakeRun(observer("sessions"));
  const tell = (what: "open" | "lost"): void =>
    run.tell({ kind: "session", atUs: run.oracle.nowUs, node: "viz-0", peer: "viz-1", what });
  tell("open");
  run.pass(SECOND);
  tell("lost");
  run.pass(2 * SECOND);
  tell("lost");
  run.pass(3 * SECOND);
  tell("open");
  const metrics = run.metrics();
  assertEquals([metrics["session.opened"]?.value, metrics["session.lost"]?.value], [2, 2]);
  assertEquals([metrics["session.reconnect"]?.count, metrics["session.reconnect"]?.max], [1, 5 * SECOND]);
});

Deno.test("ways of lanes: how soon they are left and taken again", () => {
  const run = new FakeRun(observer("paths"));
  const fault = (phase: "begin" | "end"): void =>
    run.tell({
      kind: "fault",
      atUs: run.oracle.nowUs,
      action: "t0",
      phase,
      verb: "link",
      chosen: [],
      text: "link",
    });
  const take = (path: "udp" | "stream", moved = false): void =>
    run.tell({ kind: "path", atUs: run.oracle.nowUs, node: "viz-0", peer: "viz-1", path, moved, why: "x" });
  take("udp");
  fault("begin");
  run.pass(SECOND);
  take("stream");
  fault("end");
  run.pass(2 * SECOND);
  take("udp");
  take("udp", true);
  const metrics = run.metrics();
  assertEquals(["udp", "stream", "moved"].map((each) => metrics[`path.${each}`]?.value), [2, 1, 1]);
  assertEquals([metrics["path.fallback"]?.max, metrics["path.return"]?.min], [SECOND, 2 * SECOND]);
});

Deno.test("volume: by type, by fate, and the busiest second", () => {
  const run = new FakeRun(observer("volume"));
  for (let i = 0; i < 3; i++) run.frame({ bytes: 200, type: "announce" });
  run.frame({ fate: "lost" });
  run.pass(SECOND);
  run.frame({});
  const metrics = run.metrics();
  assertEquals(metrics["packets.announce"]?.value, 3);
  assertEquals(metrics["bytes.announce"]?.value, 600);
  assertEquals(metrics["packets.total"]?.value, 5);
  assertEquals(metrics["packets.offer"]?.value, 0);
  assertEquals([metrics["frames.delivered"]?.value, metrics["frames.lost"]?.value], [4, 1]);
  assertEquals(metrics["packets.per_node.peak_1s"]?.value, 4);
  assertEquals(metrics["bytes.segment.peak_1s"]?.value, 700);
});

Deno.test("claims: each by what happened, partitions only where they bit", () => {
  const run = new FakeRun(observer("claims"));
  run.see("viz-0", "viz-1", "suspect", "alive");
  run.oracle.ways.set("viz-1>viz-0", { quality: "none", sinceUs: 0 });
  run.see("viz-0", "viz-1", "suspect", "alive");
  run.see("viz-0", "viz-1", "dead", "suspect");
  assertEquals(run.claims, ["suspected", "suspected", "partition_bit", "one_way_seen", "declared_dead"]);
});

Deno.test("frame claims are counted where a scenario asks, bursts of three in a row among them", () => {
  const quiet = new FakeRun(observer("frame_claims"));
  quiet.frame({ fate: "lost" });
  assertEquals(quiet.claims, []);
  const asked = plan({ expect: { sometimes: [{ claim: "burst_drops", atLeast: 1 }] } });
  const run = new FakeRun(observer("frame_claims"), asked);
  for (const fate of ["lost", "lost", "delivered", "lost", "lost", "lost", "lost", "lost"] as const) {
    run.frame({ fate });
  }
  assertEquals(run.claims.filter((claim) => claim === "burst_drops").length, 1);
  assertEquals(run.claims.filter((claim) => claim === "frames_lost").length, 7);
});

Deno.test("an observer is registered once", () => {
  const error = assertThrows(() => registerObserver(observer("volume")), HanaError);
  assertEquals(error.code, "conflict");
});
