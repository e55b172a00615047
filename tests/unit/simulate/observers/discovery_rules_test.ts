// The rules and figures of discovery and leadership: each barks at what breaks it, and measures what it says.

import { assert, assertEquals } from "@std/assert";
import type { Incarnation, NodeId } from "../../../../lib/base/mod.ts";
import { type LeaseStanding, type ObserverDefinition, OBSERVERS } from "../../../../lib/simulate/mod.ts";
import { nodes, plan, SECOND } from "../run/plans.ts";
import { FakeRun } from "./fake_run.ts";

function observer(id: string): ObserverDefinition {
  const found = OBSERVERS.find((each) => each.id === id);
  assert(found !== undefined, `there is no observer ${id}`);
  return found;
}

const host = (name: string): string => `${name}-host`;

/** A beat of `viz-1` arrives at `viz-0` now. */
function beat(run: FakeRun, fate: "delivered" | "lost" = "delivered", type = "heartbeat"): void {
  run.frame({ from: host("viz-1"), to: host("viz-0"), type, fate });
}

Deno.test("death_needs_silence: a death a second after a beat arrived is one, after five it is not", () => {
  for (const [silence, ids] of [[1, ["death_needs_silence"]], [5, []]] as const) {
    const run = new FakeRun(observer("death_needs_silence"));
    run.start("viz-1");
    beat(run);
    run.oracle.nowUs += silence * SECOND;
    run.see("viz-0", "viz-1", "dead", "suspect");
    assertEquals(run.ids, [...ids]);
  }
});

Deno.test("death_needs_silence: lost beats, goodbyes, stalls and former lives are no signs", () => {
  const excuses: ((run: FakeRun) => void)[] = [
    (run) => beat(run, "lost"),
    (run) => beat(run, "delivered", "bye"),
    (run) => {
      beat(run);
      run.oracle.stalled.add("viz-0");
    },
    (run) => {
      beat(run);
      run.start("viz-1", 2);
    },
  ];
  for (const excuse of excuses) {
    const run = new FakeRun(observer("death_needs_silence"));
    run.start("viz-1");
    excuse(run);
    run.oracle.nowUs += SECOND;
    run.see("viz-0", "viz-1", "dead", "suspect", 1);
    assertEquals(run.ids, [], String(excuse));
  }
});

Deno.test("no_ghosts: the dead may be out of reach for two minutes and a little, while others are heard", () => {
  const dead = new FakeRun(observer("no_ghosts"));
  dead.oracle.listAll();
  dead.stop("viz-1", "crash");
  for (const each of ["viz-0", "viz-2"]) dead.oracle.list(each, "viz-1", "unreachable");
  dead.pass(125 * SECOND);
  assertEquals(dead.ids, []);
  dead.pass(20 * SECOND);
  assertEquals(dead.ids, ["no_ghosts", "no_ghosts"]);
  // Who hears nobody says so of all others, for as long as it lasts.
  const alone = new FakeRun(observer("no_ghosts"), plan({ nodes: nodes(2) }));
  alone.stop("viz-1", "crash");
  alone.oracle.list("viz-0", "viz-1", "partitioned");
  alone.pass(300 * SECOND);
  assertEquals(alone.ids, []);
});

Deno.test("datagrams_fit: 1,201 bytes are too many, once a node, and streams may be longer", () => {
  const run = new FakeRun(observer("datagrams_fit"));
  run.frame({ payloadBytes: 1_200 });
  run.frame({ payloadBytes: 9_000, type: "stream" });
  assertEquals(run.ids, []);
  run.frame({ payloadBytes: 1_201 });
  run.frame({ payloadBytes: 1_201 });
  assertEquals(run.ids, ["datagrams_fit"]);
});

Deno.test("deaths: false are those of the living that could be reached, whatever was lost on the way", () => {
  const run = new FakeRun(observer("deaths"));
  run.oracle.ways.set("viz-1>viz-0", { quality: "poor", sinceUs: 0 });
  run.see("viz-0", "viz-1", "dead", "suspect");
  run.oracle.ways.set("viz-2>viz-0", { quality: "none", sinceUs: 0 });
  run.see("viz-0", "viz-2", "dead", "suspect");
  run.see("viz-1", "viz-2", "unreachable" as never, "suspect");
  const metrics = run.metrics();
  assertEquals([metrics["deaths.false"]?.value, metrics["deaths.true"]?.value], [1, 1]);
});

Deno.test("deaths: hours of pairs are counted while both can be reached", () => {
  const run = new FakeRun(observer("deaths"), plan({ nodes: nodes(3) }));
  run.oracle.nowUs = 0;
  run.pass(1_800 * SECOND);
  run.oracle.down.add("viz-2");
  run.pass(1_800 * SECOND);
  // Six directed pairs for half an hour, two for the other half.
  assertEquals(Math.round(run.metrics()["deaths.pair_hours"]?.value ?? 0), 4);
});

Deno.test("undiscovery: the first and the last observer of an end, and when each stopped to count on it", () => {
  const run = new FakeRun(observer("undiscovery"));
  run.oracle.listAll();
  run.stop("viz-1", "crash");
  run.oracle.nowUs += 3 * SECOND;
  run.see("viz-0", "viz-1", "suspect", "alive");
  run.oracle.nowUs += SECOND;
  run.see("viz-0", "viz-1", "dead", "suspect");
  run.oracle.nowUs += SECOND;
  run.see("viz-2", "viz-1", "dead", "alive");
  const metrics = run.metrics();
  assertEquals(metrics["undiscovery.first"]?.max, 4 * SECOND);
  assertEquals(metrics["undiscovery.every"]?.max, 5 * SECOND);
  assertEquals([metrics["undiscovery.noticed"]?.min, metrics["undiscovery.noticed"]?.max], [
    3 * SECOND,
    5 * SECOND,
  ]);
});

Deno.test("cold_start: from the first start to the change by which all knew all", () => {
  const run = new FakeRun(observer("cold_start"), plan({ nodes: nodes(2) }));
  const sent = { sent: 7, received: 0, receivedBytes: 0 };
  run.oracle.counts = () => sent;
  run.start("viz-0");
  run.oracle.nowUs += SECOND;
  run.start("viz-1");
  run.see("viz-0", "viz-1", "alive", null);
  run.pass(SECOND);
  run.see("viz-1", "viz-0", "alive", null);
  run.pass(SECOND);
  const metrics = run.metrics();
  assertEquals(metrics["cold_start"]?.value, 2 * SECOND);
  assertEquals(metrics["cold_start.datagrams"]?.value, 14);
});

const token = (term: number, leader = "viz-0") => ({
  term,
  leaderId: leader as NodeId,
  leaderIncarnation: 1 as Incarnation,
});

const acting = (term: number, more: Partial<LeaseStanding> = {}): LeaseStanding => ({
  actsBy: token(term),
  follows: token(term),
  mode: "lease",
  lineage: "a",
  refused: 0,
  ...more,
});

Deno.test("one_lease: two that act for one lineage are one too many, of two lineages or by force they are not", () => {
  for (
    const [other, ids] of [
      [acting(2), ["one_lease"]],
      [acting(2, { actsBy: null }), []],
      [acting(2, { lineage: "b" }), []],
      [acting(2, { mode: "forced" }), []],
      [acting(2, { mode: "solo", lineage: null }), []],
    ] as const
  ) {
    const run = new FakeRun(observer("one_lease"));
    run.oracle.leases.set("viz-0", acting(1));
    run.oracle.leases.set("viz-1", other);
    run.pass(100_000);
    assertEquals(run.ids, [...ids], JSON.stringify(other));
  }
});

Deno.test("tokens_grow: nobody goes back to an older leader within a life, or obeys one even in the next", () => {
  const run = new FakeRun(observer("tokens_grow"));
  const set = (standing: LeaseStanding): void => {
    run.oracle.leases.set("viz-1", standing);
    run.pass(100_000);
  };
  const obey = (term: number): void =>
    run.tell({
      kind: "commanded",
      atUs: run.oracle.nowUs,
      node: "viz-1",
      from: "viz-0",
      token: token(term),
    });
  set(acting(5));
  set(acting(6));
  set(acting(3, { lineage: "b" }));
  obey(5);
  obey(6);
  assertEquals(run.ids, []);
  set(acting(2, { lineage: "b" }));
  assertEquals(run.ids, ["tokens_grow"]);
  run.start("viz-1", 2);
  set(acting(1, { lineage: "b" }));
  assertEquals(run.ids.length, 1);
  obey(5);
  assertEquals(run.ids.length, 2);
});

Deno.test("leader: how long nobody acted after a crash, and the share of the time", () => {
  const run = new FakeRun(observer("leader_times"));
  run.oracle.leases.set("viz-0", acting(1));
  run.phase("warm");
  run.pass(10 * SECOND);
  run.oracle.leases.delete("viz-0");
  run.stop("viz-0", "crash");
  run.pass(5 * SECOND);
  run.oracle.leases.set("viz-1", acting(2));
  run.pass(5 * SECOND);
  const metrics = run.metrics();
  assertEquals(metrics["leader.failover"]?.max, 5_100_000);
  assertEquals(Math.round((metrics["leader.leaderless"]?.value ?? 0) * 100), 25);
  assertEquals(metrics["leader.changes"]?.value, 2);
});
