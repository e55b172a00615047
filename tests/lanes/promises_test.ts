// Promises with a time in them, and those that a table of runs cannot show: how fast a path is left, found, believed;
// what figures say; what a reader that rests costs. One story a test (research 5.3, 5.4, 5.8).

import { assert, assertEquals } from "@std/assert";
import { CloseCode, LANES, SendRefusal } from "../../lib/lanes/mod.ts";
import { conditionOf, START_US } from "../support/lanes/conditions.ts";
import { Link } from "../support/lanes/link.ts";
import { QUANTUM_US } from "../support/lanes/pair.ts";
import { realPeer } from "../support/lanes/peers.ts";
import {
  arrived,
  assertSound,
  connectionOf,
  laneOf,
  MILLISECOND,
  plainCondition,
  quietPair,
  SECOND,
  settle,
  statsOf,
} from "../support/lanes/quiet.ts";
import { probeTimeoutUs, runPair } from "../support/lanes/run.ts";
import { workloadOf } from "../support/lanes/workloads.ts";

const { modulation, events, control } = LANES;

Deno.test("the newest value of a key arrives within two probe timeouts when its producer stops (I13)", () => {
  const within: number[] = [];
  const condition = conditionOf("C5", 4);
  const limitUs = 2 * probeTimeoutUs(condition);
  for (let seed = 1; seed <= 30; seed++) {
    const pair = quietPair({}, { condition: conditionOf("C5", 4 * seed), seed });
    for (let i = 0; i < 100; i++) {
      pair.send(0, modulation.id, 24, { key: i % 4 });
      pair.run(pair.nowUs + MILLISECOND);
    }
    const stoppedUs = pair.nowUs;
    pair.run(pair.nowUs + 10 * SECOND, () => pair.isSettled());
    assert(pair.isSettled(), `seed ${seed}: a newest value never came`);
    within.push(pair.nowUs - stoppedUs);
    assertSound(pair);
  }
  within.sort((a, b) => a - b);
  const [most = 0, longest = 0] = [within[Math.floor(within.length * 0.85)], within.at(-1)];
  assert(most <= limitUs, `85 % within ${most} µs, ${limitUs} would do`);
  // A value may be lost more than once.
  assert(longest <= 5 * limitUs, `the longest took ${longest} µs`);
});

Deno.test("nothing comes for five seconds, and then the connection is over, not before", () => {
  const pair = quietPair({ delayUs: MILLISECOND });
  pair.send(0, events.id, 10);
  pair.run(pair.nowUs + SECOND);
  for (const side of [0, 1] as const) pair.links[side].change({ outages: [{ fromUs: 0, toUs: Infinity }] });
  const cutUs = pair.nowUs;
  pair.run(cutUs + 4_400 * MILLISECOND);
  assertEquals(pair.closed, [null, null]);
  pair.run(cutUs + 5_100 * MILLISECOND);
  assertEquals(pair.closed.map((closed) => Number(closed?.split(" ")[0])), [
    CloseCode.silence,
    CloseCode.silence,
  ]);
  for (const end of pair.ends) assertEquals(end.wakeAtUs, Infinity, "a timer is left");
  assertSound(pair);
});

Deno.test("an end that was stalled itself does not take its own silence for the other's", () => {
  const pair = quietPair({ delayUs: MILLISECOND });
  pair.run(pair.nowUs + SECOND);
  const link = pair.links[1];
  assert(link instanceof Link);
  const stallUs = pair.nowUs + 4_200 * MILLISECOND;
  // What came meanwhile did not fit the socket's buffer, and for a moment nothing comes.
  link.cut({ fromUs: pair.nowUs, toUs: stallUs + 1_200 * MILLISECOND });
  pair.ends[0].stalledUntilUs = stallUs;
  pair.events.add(stallUs, () => pair.ends[0].resume(pair.nowUs));
  pair.run(stallUs + 2 * SECOND);
  assertEquals(pair.closed, [null, null]);
  pair.send(0, events.id, 10, { report: true });
  settle(pair);
});

Deno.test("a CLOSE that is lost is said again", () => {
  const pair = quietPair({ delayUs: MILLISECOND });
  pair.run(pair.nowUs + SECOND);
  const link = pair.links[0];
  assert(link instanceof Link);
  link.cut({ fromUs: pair.nowUs, toUs: pair.nowUs + 90 * MILLISECOND });
  pair.peers[0].close(pair.ends[0].localAt(pair.nowUs), CloseCode.done, "over");
  pair.ends[0].drain(pair.nowUs);
  pair.run(pair.nowUs + 200 * MILLISECOND);
  assertEquals(pair.closed[1], `${CloseCode.done} over`);
});

Deno.test("two seconds of one dead direction end nothing, and traffic goes on at once afterwards", () => {
  for (const side of [0, 1] as const) {
    const pair = quietPair({ delayUs: MILLISECOND });
    pair.run(pair.nowUs + SECOND);
    pair.links[side].change({ outages: [{ fromUs: 0, toUs: Infinity }] });
    for (let i = 0; i < 20; i++) {
      pair.send(0, events.id, 50, { report: true });
      pair.run(pair.nowUs + 100 * MILLISECOND);
    }
    pair.links[side].change({ delayUs: MILLISECOND });
    const healedUs = pair.nowUs;
    pair.run(pair.nowUs + 5 * SECOND, () => pair.isSettled());
    assert(
      pair.isSettled() && pair.nowUs - healedUs <= 1_100 * MILLISECOND,
      `${pair.nowUs - healedUs} µs after it`,
    );
    settle(pair);
  }
});

Deno.test("a path that does not answer is asked less and less often", () => {
  const pair = quietPair({ delayUs: MILLISECOND });
  pair.run(pair.nowUs + SECOND);
  pair.links[0].change({ outages: [{ fromUs: 0, toUs: Infinity }] });
  const before = pair.ends[0].totals.packets;
  pair.send(0, events.id, 100);
  pair.run(pair.nowUs + 3 * SECOND);
  const packets = pair.ends[0].totals.packets - before;
  // Two a time after 35, 70, 140 … 1000 ms, acknowledgements of the other's keepalives, reports.
  assert(packets >= 12 && packets <= 36, `${packets} packets in three seconds`);
});

Deno.test("a larger datagram is found within a second and left within two when it no longer passes (C12)", () => {
  for (const congestion of ["fixed", "delay-brake"] as const) {
    const pair = quietPair({ delayUs: MILLISECOND, mtu: [{ fromUs: 0, bytes: 1_400 }] }, {
      ...{ congestion, maxRateBytesPerSecond: 500_000 },
    });
    let largest = 0;
    pair.ends[0].onPacket = (_atUs, _number, frames, bytes) => {
      if (frames.some(({ type }) => type === "data")) largest = Math.max(largest, bytes);
    };
    const load = (forUs: number) => {
      for (const endUs = pair.nowUs + forUs; pair.nowUs < endUs;) {
        if (statsOf(pair, 0, control).queuedBytes < 50_000) pair.send(0, control.id, 5_000);
        else pair.run(pair.nowUs + 5 * MILLISECOND);
      }
    };
    load(SECOND);
    assertEquals(largest, 1_372, congestion);
    for (const side of [0, 1] as const) {
      pair.links[side].change({ delayUs: MILLISECOND, mtu: [{ fromUs: 0, bytes: 1_280 }] });
    }
    load(2 * SECOND);
    largest = 0;
    load(SECOND);
    assert(largest > 0 && largest <= 1_280, `${congestion}: packets of ${largest} B`);
    settle(pair, 20 * SECOND);
  }
});

Deno.test("a moved address is found, proved and used within a second (C14)", () => {
  const pair = quietPair({ delayUs: MILLISECOND });
  for (let i = 0; i < 200; i++) {
    if (i === 100) pair.ends[0].addressChangesAtUs = pair.nowUs;
    pair.send(0, modulation.id, 24, { key: 1 });
    pair.send(1, events.id, 24);
    pair.run(pair.nowUs + 10 * MILLISECOND);
  }
  const movedUs = START_US + SECOND;
  const waits = pair.models[1].lane(events.id).messages.map(({ acceptedAtUs, deliveredAtUs }) =>
    acceptedAtUs >= movedUs - 20 * MILLISECOND ? deliveredAtUs - acceptedAtUs : 0
  );
  assert(Math.max(...waits) < SECOND, `a message waited ${Math.max(...waits)} µs`);
  settle(pair);
});

Deno.test("a reader that rests costs its sender a reason and nothing else, and the lane goes on (C18)", () => {
  const lane = laneOf("snapshots", "reliable-ordered", { maxQueuedBytes: 256 * 1024 });
  const pair = quietPair({ delayUs: 200 }, {
    condition: plainCondition({ delayUs: 200 }, { readerRests: { fromUs: Infinity, toUs: Infinity } }),
    lanes: [lane],
  });
  const { id } = pair.laneOf(0, lane);
  pair.send(0, id, 100);
  pair.run(pair.nowUs + 10 * MILLISECOND);
  pair.peers[1].setReading?.(id, false);
  let refusal = 0;
  for (let i = 0; i < 3_000 && refusal !== SendRefusal.noCredit; i++) {
    refusal = pair.send(0, id, 10_000);
    pair.send(0, events.id, 20);
    pair.run(pair.nowUs + 4 * MILLISECOND);
  }
  assertEquals(refusal, SendRefusal.noCredit);
  assertEquals(pair.closed, [null, null]);
  const held = arrived(pair, lane).length;
  assertEquals(held, 1, "a resting reader was handed messages");
  assertEquals(
    arrived(pair, events).length,
    pair.models[0].lane(events.id).messages.length,
    "other lanes wait",
  );
  pair.peers[1].setReading?.(id, true);
  pair.ends[1].drain(pair.nowUs);
  settle(pair);
  assert(statsOf(pair, 0, lane).refusedNoCredit > 0);
  assert(pair.send(0, id, 10_000) >= 0);
  settle(pair);
});

Deno.test("control frames that are lost come again: CREDIT, SKIP, OPEN", () => {
  const lane = laneOf("ticks", "reliable-ordered");
  for (const [type, side] of [["credit", 1], ["skip", 0], ["open", 0]] as const) {
    const pair = quietPair({ delayUs: MILLISECOND }, { lanes: [lane] });
    const { id } = pair.laneOf(0, lane);
    let lost = 0;
    pair.ends[side].onPacket = (_atUs, _number, frames) => {
      const link = pair.links[side];
      if (lost >= 2 || !frames.some((frame) => frame.type === type) || !(link instanceof Link)) return;
      lost++;
      link.cut({ fromUs: pair.nowUs, toUs: pair.nowUs + 1 });
    };
    for (let i = 0; i < 50; i++) {
      for (let j = 0; j < 800; j++) pair.send(0, id, 2, {}, true);
      for (let j = 0; j < 3; j++) pair.send(0, id, 700_000, { ttlUs: 5 * MILLISECOND, report: true }, true);
      pair.ends[0].drain(pair.nowUs);
      pair.run(pair.nowUs + 20 * MILLISECOND);
    }
    settle(pair);
    assertEquals(lost, 2, type);
  }
});

Deno.test("a full lane says that it has room again, and whoever waited goes on", () => {
  for (const kind of ["reliable-ordered", "unreliable-unordered"] as const) {
    const lane = laneOf("narrow", kind, { maxQueuedBytes: 20_000, overflow: "refuse" });
    const source = {
      side: 0,
      lane,
      fromUs: 0,
      everyUs: 1,
      count: 80,
      bytes: () => 5_000,
      patient: true,
    } as const;
    const pair = quietPair({ delayUs: MILLISECOND }, {
      ...{ congestion: "fixed", maxRateBytesPerSecond: 1_000_000 },
      workload: { id: "W5", title: "more than fits", sources: [source], lanes: [lane] },
    });
    pair.run(pair.nowUs + 2 * SECOND);
    assertEquals(pair.waitingSources, []);
    settle(pair);
    assertEquals(arrived(pair, lane).length, 80, kind);
    assert(statsOf(pair, 0, lane).refusedFull > 5);
  }
});

Deno.test("replays and junk change no figure but those that count them (I15)", () => {
  const pair = quietPair({ delayUs: MILLISECOND });
  const kept: { number: number; bytes: Uint8Array }[] = [];
  pair.ends[1].tamper = (bytes) => {
    kept.push({ number: kept.length, bytes: bytes.slice(9, -16) });
    return bytes;
  };
  for (let i = 0; i < 40; i++) {
    pair.send(0, i % 2 === 0 ? events.id : modulation.id, 30 + 100 * i, { report: true });
    pair.run(pair.nowUs + 3 * MILLISECOND);
  }
  settle(pair);
  const end = pair.ends[1];
  const connection = connectionOf(pair, 1);
  const figures = () => {
    const { duplicates: _, wakeups: _wakeups, ...rest } = connection.stats();
    const lanes = Object.values(LANES).map(({ id }) => connection.laneStats(id));
    return JSON.stringify([rest, lanes, connection.pollTimeout()]);
  };
  const before = figures();
  const delivered = arrived(pair).length;
  for (const { number, bytes } of kept) {
    assert(!connection.canAccept(number), `packet ${number} would be taken again`);
    connection.handlePacket(end.localAt(pair.nowUs), 1, number, bytes, 0, bytes.length);
    assertEquals(connection.pollPacket(end.localAt(pair.nowUs), new Uint8Array(2_000)), 0);
  }
  for (const number32 of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    connection.canAccept(connection.expandNumber(number32));
  }
  assertEquals(figures(), before);
  assertEquals(arrived(pair).length, delivered);
});

Deno.test("loss, round trips and lateness are told as they are, within a tenth", () => {
  const pair = quietPair({ delayUs: 15 * MILLISECOND });
  pair.links[0].change({ delayUs: 15 * MILLISECOND, loss: 0.05 });
  const link = pair.links[0];
  assert(link instanceof Link);
  const sentBefore = link.counts.sent;
  for (let i = 0; i < 10_000; i++) {
    pair.send(0, events.id, 900);
    pair.run(pair.nowUs + MILLISECOND);
  }
  pair.run(pair.nowUs + SECOND);
  const stats = connectionOf(pair, 0).stats();
  const { counts } = link;
  const lost = stats.packetsLost - stats.packetsSpuriouslyLost;
  assert(Math.abs(lost / counts.lost - 1) < 0.1, `${lost} told, ${counts.lost} lost`);
  assert(stats.packetsSent >= counts.sent - sentBefore);
  // Timers come up to a quantum late, at both ends.
  assert(Math.abs(stats.rttUs.smoothed - 31_000) < 3_500, `a round trip of ${stats.rttUs.smoothed} µs`);
  assert(stats.rttUs.min >= 30_000 && stats.rttUs.min < 32_500, `at least ${stats.rttUs.min} µs`);
  assert(
    Math.abs(stats.peerLost / counts.lost - 1) < 0.15,
    `${stats.peerLost} missed, ${counts.lost} lost`,
  );
  settle(pair);
});

Deno.test("a path that lets packets overtake is learned: late packets hardly count as lost after five seconds (C8)", () => {
  const condition = conditionOf("C8", 2);
  const pair = quietPair({}, { condition, seed: 2 });
  const load = (forUs: number) => {
    for (const endUs = pair.nowUs + forUs; pair.nowUs < endUs;) {
      pair.send(0, events.id, 400);
      pair.run(pair.nowUs + 2 * MILLISECOND);
    }
    return connectionOf(pair, 0).stats();
  };
  const before = load(5 * SECOND);
  const after = load(10 * SECOND);
  const spurious = after.packetsSpuriouslyLost - before.packetsSpuriouslyLost;
  const share = spurious / (after.packetsSent - before.packetsSent);
  assert(share < 0.005, `${(100 * share).toFixed(2)} % of ${after.packetsSent - before.packetsSent} packets`);
  assert(after.reorderUs <= 2 * after.rttUs.smoothed + 1_000, `waits ${after.reorderUs} µs for what is late`);
  settle(pair);
});

Deno.test("flipped bits and replays leave a transfer four fifths of its speed (C13, C15)", () => {
  const timeOf = (id: "C1" | "C13" | "C15", delayUs: number) => {
    const times: number[] = [];
    for (const seed of [1, 2, 3, 4, 5]) {
      const condition = conditionOf(id, seed);
      const clean = {
        ...condition,
        forward: { ...condition.forward, delayUs },
        backward: { ...condition.backward, delayUs },
      };
      const workload = workloadOf("W5", 8);
      const { settledUs, failed, description } = runPair({
        condition: clean,
        workload,
        seed,
        makePeer: realPeer,
      });
      assert(!failed, description);
      times.push(settledUs - START_US);
    }
    return times.toSorted((a, b) => a - b)[2] ?? 0;
  };
  const clean = timeOf("C1", MILLISECOND);
  for (const id of ["C13", "C15"] as const) {
    const time = timeOf(id, MILLISECOND);
    assert(clean / time >= 0.8, `${id}: ${time} µs, clean ${clean} µs`);
  }
});

Deno.test("the brake leaves a link alone on which nothing of ours queues", () => {
  for (const id of ["C1", "C2", "C4", "C7", "C17"] as const) {
    const times: number[] = [];
    for (let seed = 0; seed < 5; seed++) {
      const workload = workloadOf("W8", 1);
      const { settledUs } = runPair({
        condition: conditionOf(id, 4 * seed),
        workload,
        seed,
        makePeer: realPeer,
      });
      times.push(settledUs - START_US);
    }
    // Sources end after 1.13 s.
    const median = times.toSorted((a, b) => a - b)[2] ?? 0;
    assert(median < 1_500 * MILLISECOND, `${id}: a light load took ${median} µs`);
  }
});

Deno.test("modulation stays fresh beside a transfer that fills the link (I25)", () => {
  const bulk = laneOf("assets", "reliable-ordered", { tier: 3 });
  const pair = quietPair({ delayUs: 200, bytesPerSecond: 12_500_000, bufferBytes: 200_000 }, {
    lanes: [bulk],
  });
  const { id } = pair.laneOf(0, bulk);
  for (let i = 0; i < 2_000; i++) {
    while (statsOf(pair, 0, bulk).queuedBytes < 100_000) pair.send(0, id, 16_000, {}, true);
    pair.send(0, modulation.id, 24, { key: i % 8 });
    pair.run(pair.nowUs + MILLISECOND);
  }
  const latencies = pair.models[0].lane(modulation.id).latenciesUs.toSorted((a, b) => a - b);
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
  assert(p99 < 2 * QUANTUM_US + 5 * MILLISECOND, `p99 ${p99} µs`);
  const share = pair.models[0].lane(id).latenciesUs.length * 16_000 / 2;
  assert(share > 0.6 * 12_500_000, `the transfer got ${share} B/s of 12.5 MB/s`);
  assertSound(pair);
});

Deno.test("a megabyte over good WiFi costs a twentieth more than itself, and less than half a second", () => {
  const times: number[] = [];
  let bytes = 0;
  for (let seed = 0; seed < 10; seed++) {
    const pair = quietPair({}, { condition: conditionOf("C4", 4 * seed), seed });
    for (let i = 0; i < 16; i++) pair.send(0, control.id, 65_536, {}, i < 15);
    const startUs = pair.nowUs;
    pair.run(pair.nowUs + 10 * SECOND, () => pair.isSettled());
    times.push(pair.nowUs - startUs);
    bytes += pair.models[0].lane(control.id).dataBytes;
    settle(pair);
  }
  const median = times.toSorted((a, b) => a - b)[5] ?? 0;
  assert(bytes / (10 * 16 * 65_536) <= 1.05, `${bytes / (10 * 16 * 65_536)} times the bytes`);
  assert(median < 500 * MILLISECOND, `${median} µs`);
});
