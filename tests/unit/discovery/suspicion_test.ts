// When a silent node is suspect, unreachable or dead: loss, confirmations, vouches, health.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { NodeId } from "../../../lib/base/mod.ts";
import { LocalHealth } from "../../../lib/discovery/health.ts";
import { LossEstimate } from "../../../lib/discovery/loss.ts";
import {
  ALONE_US,
  CONFIRMED_US,
  type Court,
  FORSAKEN_US,
  HALF_CONFIRMED_US,
  Suspicion,
  UNCONFIRMED_US,
  VOUCHED_US,
} from "../../../lib/discovery/suspicion.ts";
import { idOf, MS, SECOND, TestMesh, type TestNode, TestRandom } from "./mesh.ts";

const COURT: Court = { others: 9, patienceUs: 3_400 * MS, probes: 4, factor: 1 };

function suspected(nowUs: number, accusers: readonly NodeId[] = []): Suspicion {
  const suspicion = new Suspicion();
  suspicion.restart(nowUs);
  suspicion.probes = 4;
  for (const accuser of accusers) suspicion.noteAccusation(nowUs, accuser);
  return suspicion;
}

/** When the verdict is first `wanted`, found by following nextUs. */
function timeOf(suspicion: Suspicion, wanted: string, court: Court, fromUs: number): number {
  for (let nowUs = fromUs, steps = 0; nowUs < fromUs + 100 * SECOND && steps < 100; steps++) {
    if (suspicion.verdictAt(nowUs, court) === wanted) return nowUs - fromUs;
    nowUs = Math.max(nowUs + 1, suspicion.nextUs(nowUs, court));
  }
  return Infinity;
}

Deno.test("two confirmations are death after 1.5 s, one after 3 s, none after 30 s", () => {
  const [a, b] = [idOf(1), idOf(2)];
  assertEquals(timeOf(suspected(SECOND, [a, b]), "dead", COURT, SECOND), CONFIRMED_US);
  assertEquals(timeOf(suspected(SECOND, [a]), "dead", COURT, SECOND), HALF_CONFIRMED_US);
  assertEquals(timeOf(suspected(SECOND), "dead", COURT, SECOND), FORSAKEN_US);
  assertEquals(timeOf(suspected(SECOND), "unreachable", COURT, SECOND), UNCONFIRMED_US);
});

Deno.test("where one other node is left its word is enough, and where none is no word is needed", () => {
  assertEquals(timeOf(suspected(0, [idOf(1)]), "dead", { ...COURT, others: 1 }, 0), CONFIRMED_US);
  assertEquals(timeOf(suspected(0), "dead", { ...COURT, others: 0 }, 0), ALONE_US);
  assertEquals(timeOf(suspected(0), "unreachable", { ...COURT, others: 0 }, 0), Infinity);
});

Deno.test("without questions that went unanswered nobody dies, however long it takes", () => {
  const suspicion = suspected(0, [idOf(1), idOf(2)]);
  suspicion.probes = 3;
  assertEquals(suspicion.verdictAt(2 * SECOND, COURT), "suspect");
  suspicion.probes = 4;
  assertEquals(suspicion.verdictAt(2 * SECOND, COURT), "dead");
});

Deno.test("who was heard by others is unreachable, and dead only once their word has lapsed and death is confirmed", () => {
  const suspicion = suspected(0, [idOf(1), idOf(2)]);
  suspicion.noteVouch(-200 * MS);
  assertEquals(suspicion.accusersAt(0), 0, "what was said before is void");
  assertEquals(suspicion.verdictAt(VOUCHED_US - 1, COURT), "suspect");
  assertEquals(suspicion.verdictAt(VOUCHED_US, COURT), "unreachable");
  const lapseUs = COURT.patienceUs - 200 * MS;
  suspicion.noteAccusation(lapseUs, idOf(1));
  suspicion.noteAccusation(lapseUs, idOf(2));
  assertEquals(suspicion.verdictAt(lapseUs + CONFIRMED_US - 1, COURT) === "dead", false);
  assertEquals(suspicion.verdictAt(lapseUs + CONFIRMED_US, COURT), "dead");
});

Deno.test("one accuser counts once, an old accusation no more, and an older vouch changes nothing", () => {
  const suspicion = suspected(0, [idOf(1), idOf(1)]);
  assertEquals(suspicion.accusersAt(0), 1);
  assertEquals(suspicion.accusersAt(3 * SECOND + 1), 0);
  suspicion.noteVouch(10);
  suspicion.noteAccusation(20, idOf(2));
  suspicion.noteVouch(5);
  assertEquals([suspicion.vouchedUs, suspicion.accusersAt(20)], [10, 1]);
});

Deno.test("property: more accusers never delay a death, worse health never hastens one", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 0, max: 10 }),
    fc.integer({ min: 1, max: 8 }),
    (accusers, others, factor) => {
      const court = { ...COURT, others, factor };
      const ids = Array.from({ length: accusers + 1 }, (_, i) => idOf(i + 1));
      const at = (count: number, judge: Court): number =>
        timeOf(suspected(0, ids.slice(0, count)), "dead", judge, 0);
      assert(at(accusers + 1, { ...court, factor: 1 }) <= at(accusers, { ...court, factor: 1 }));
      assert(at(accusers, court) >= at(accusers, { ...court, factor: 1 }));
    },
  ));
});

Deno.test("the loss of beats is estimated, and decides over how many of them count", () => {
  for (const [loss, low, high] of [[0, 3, 3], [0.05, 3, 3], [0.3, 3, 5], [0.5, 5, 5]] as const) {
    const estimate = new LossEstimate();
    const random = new TestRandom(5);
    estimate.settle(100);
    let gap = 0;
    for (let i = 0; i < 5_000; i++) {
      if (random.float() < loss) gap++;
      else {
        estimate.note(gap);
        gap = 0;
      }
    }
    estimate.settle(100);
    assert(Math.abs(estimate.rate - loss) < 0.12, `${estimate.rate} for ${loss}`);
    assert(estimate.beats >= low && estimate.beats <= high, `${estimate.beats} beats for ${loss}`);
  }
});

Deno.test("one outage of a peer is no rate of loss", () => {
  const estimate = new LossEstimate();
  estimate.settle(100);
  for (let i = 0; i < 200; i++) estimate.note(0);
  estimate.note(3_600);
  assert(estimate.rate < 0.05, `${estimate.rate}`);
});

Deno.test("a pause costs two points of health, each success gives one back, and so does time", () => {
  const health = new LocalHealth();
  health.noteStall(0);
  assertEquals(health.factorAt(0), 3);
  health.noteSuccess(0);
  assertEquals(health.factorAt(0), 2);
  assertEquals(health.factorAt(60 * SECOND), 1);
  for (let i = 0; i < 20; i++) health.noteStall(60 * SECOND);
  assertEquals(health.factorAt(60 * SECOND), 8);
  health.noteRefute(200 * SECOND);
  health.noteRefute(201 * SECOND);
  assertEquals(health.factorAt(201 * SECOND), 2, "one suspicion of many accusers is one");
});

function meshOf(count: number, seed = 1): { mesh: TestMesh; nodes: TestNode[] } {
  const mesh = new TestMesh(seed);
  const nodes = Array.from({ length: count }, () => mesh.start());
  mesh.run(6 * SECOND);
  return { mesh, nodes };
}

Deno.test("a crash is confirmed by others, and every one of ten knows it within five seconds", () => {
  const { mesh, nodes } = meshOf(10);
  const [victim, ...others] = nodes;
  assert(victim !== undefined);
  mesh.crash(victim);
  const us = mesh.runUntil(() => others.every((each) => each.stateOf(victim) === "dead"), 6 * SECOND);
  assert(us > 4 * SECOND && us <= 5_000 * MS, `${us} µs`);
  for (const other of others) assertEquals(other.happened("lost").length, 1);
});

Deno.test("who alone does not hear a node takes it for unreachable, for others vouch for it", () => {
  const { mesh, nodes } = meshOf(6);
  const [a, b, ...rest] = nodes;
  assert(a !== undefined && b !== undefined);
  mesh.canPass = (from, to) => !(from === a && to === b) && !(from === b && to === a);
  mesh.run(60 * SECOND);
  assertEquals([a.stateOf(b), b.stateOf(a)], ["unreachable", "unreachable"]);
  for (const other of rest) assertEquals([other.stateOf(a), other.stateOf(b)], ["alive", "alive"]);
  for (const node of nodes) assertEquals(node.happened("lost"), []);
  assertEquals(a.happened("unreachable").map((event) => "isVouched" in event && event.isVouched), [true]);
  mesh.canPass = () => true;
  mesh.runUntil(() => a.stateOf(b) === "alive" && b.stateOf(a) === "alive", 1_300 * MS);
  mesh.canPass = (from, to) => !(from === a && to === b) && !(from === b && to === a);
  mesh.run(20 * SECOND);
  mesh.crash(b);
  mesh.runUntil(() => a.stateOf(b) === "dead", 9 * SECOND);
});

Deno.test("a one-way link makes the deaf side see the other as unreachable, and nothing else", () => {
  const { mesh, nodes } = meshOf(4);
  const [deaf, mute, third] = nodes;
  assert(deaf !== undefined && mute !== undefined && third !== undefined);
  mesh.canPass = (from, to) => !(from === mute && to === deaf);
  mesh.run(60 * SECOND);
  assertEquals([deaf.stateOf(mute), mute.stateOf(deaf), third.stateOf(mute)], [
    "unreachable",
    "alive",
    "alive",
  ]);
});

Deno.test("who knows a node from a list alone neither accuses it nor speaks up for it", () => {
  const { mesh, nodes } = meshOf(3);
  const [a, b, c] = nodes;
  assert(a !== undefined && b !== undefined && c !== undefined);
  // The newcomer hears everybody but c, and learns of c from pages; c and the others do not hear each other.
  const late = mesh.start({ name: "late" });
  mesh.canPass = (from, to) => from !== c && to !== c;
  mesh.runUntil(() => late.core.registry.get(c.id)?.relayed === true, 3 * SECOND);
  mesh.isRecording = true;
  mesh.run(4_500 * MS);
  assertEquals(late.stateOf(c) === "alive", false);
  const kinds = mesh.crossings.filter(({ sender }) => sender === late)
    .map(({ transmit }) => (transmit.bytes[3] ?? 0) & 0x3f);
  assertEquals(kinds.filter((kind) => kind === 15 || kind === 16), [], "no suspicion and no vouching");
  mesh.run(40 * SECOND);
  for (const node of [a, b, late]) assert(["dead", "partitioned"].includes(node.stateOf(c)), node.stateOf(c));
});

Deno.test("a node that is accused answers with a beat at once", () => {
  const { mesh, nodes } = meshOf(3);
  const [a, b] = nodes;
  assert(a !== undefined && b !== undefined);
  // b's regular beats do not reach a, pings do not either: only what it says when accused.
  let isAccused = false;
  mesh.canPass = (from, to, transmit) => {
    const kind = (transmit.bytes[3] ?? 0) & 0x3f;
    if (from === a && to === b && kind === 15) isAccused = true;
    if (from === a && to === b && kind === 6) return false;
    return !(from === b && to === a && !isAccused);
  };
  mesh.runUntil(() => a.stateOf(b) === "suspect", 6 * SECOND);
  const us = mesh.runUntil(() => a.stateOf(b) === "alive", 200 * MS);
  assert(us < 110 * MS, `${us} µs`);
});

Deno.test("lists of the dead and pages confirm, and never kill who is heard", () => {
  const { mesh, nodes } = meshOf(5);
  const [a, b] = nodes;
  assert(a !== undefined && b !== undefined);
  // For everybody but a, b is gone: a hears it and keeps it, whatever four others say.
  mesh.canPass = (from, to) => from !== b || to === a || to === b;
  mesh.run(60 * SECOND);
  assertEquals(a.stateOf(b), "alive");
  assertEquals(a.happened("lost"), []);
});
