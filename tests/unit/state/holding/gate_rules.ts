// What must be so about rates: the newest is kept, nothing is queued, nobody is slowed down below the rate.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { client, path, type Room, type Rule, seconds } from "./support.ts";

const [ONE, TWO] = [client(1), client(2)];
const P = path(1);

interface Write {
  readonly atUs: number;
  readonly path: number;
}

/** What goes on when, of single writes at given times; the gate is looked at exactly when it wants it. */
function run(room: Room, writes: readonly Write[], untilUs: number) {
  const gate = new room.WriteGate<number>();
  const on: { atUs: number; path: number; write: number }[] = [];
  const takeDue = (endUs: number) => {
    for (let dueUs = gate.nextUs(); dueUs <= endUs; dueUs = gate.nextUs()) {
      gate.handleTimeout(dueUs);
      let isAny = false;
      for (let due = gate.pollWrite(); due !== null; due = gate.pollWrite()) {
        on.push({ atUs: dueUs, path: due.path, write: due.write });
        isAny = true;
      }
      if (!isAny && gate.nextUs() <= dueUs) throw new Error("the gate wants to be looked at for nothing");
    }
  };
  writes.forEach(({ atUs, path: at }, write) => {
    takeDue(atUs);
    gate.handleMessage(atUs, ONE);
    if (gate.handleWrite(atUs, ONE, path(at), write) === "now") on.push({ atUs, path: at, write });
  });
  takeDue(untilUs);
  return { gate, on };
}

export const GATE_RULES: readonly Rule[] = [
  {
    name: "a fader at 30 Hz whose packets come unevenly is never slowed down",
    check: (room) => {
      const writes = Array.from({ length: 300 }, (_, at) => ({
        atUs: Math.round(at * 33_334 + (at * 7_919 % 16_000)),
        path: 1,
      }));
      assertEquals(run(room, writes, seconds(20)).gate.counters, {
        passed: 300,
        waited: 0,
        merged: 0,
        refusedFull: 0,
      });
    },
  },
  {
    name: "a fader at 120 Hz goes on 30 times a second, and its last value arrives",
    check: (room) => {
      const writes = Array.from({ length: 600 }, (_, at) => ({ atUs: Math.round(at * 8_333), path: 1 }));
      const { on, gate } = run(room, writes, seconds(10));
      assert(on.length >= 148 && on.length <= 153, `${on.length} writes in 5 s`);
      assertEquals(on.at(-1)?.write, 599);
      assertEquals(on.length + gate.counters.merged, 600);
    },
  },
  {
    name: "a client sends 200 messages a second, one path each, and more are merged",
    check: (room) => {
      const writes = Array.from({ length: 4_000 }, (_, at) => ({ atUs: at * 1_000, path: at % 40 }));
      const { on } = run(room, writes, seconds(4));
      const bursts = new Set(on.map(({ atUs }) => atUs)).size;
      assert(bursts <= 830, `${bursts} times in 4 s`);
      for (let each = 0; each < 40; each++) {
        const ofPath = on.filter(({ path }) => path === each);
        assert(ofPath.length <= 123, `${ofPath.length} writes of a path in 4 s`);
        assert(ofPath.length >= 60);
      }
    },
  },
  {
    name: "sixteen faders in one message at 30 Hz go on at once",
    check: (room) => {
      const gate = new room.WriteGate<number>();
      for (let tick = 0; tick < 90; tick++) {
        const nowUs = tick * 33_334;
        gate.handleMessage(nowUs, ONE);
        for (let at = 0; at < 16; at++) assertEquals(gate.handleWrite(nowUs, ONE, path(at), tick), "now");
      }
    },
  },
  {
    name: "whatever comes when: each path ends at its newest value, in order, within its rate, soon",
    check: (room) => {
      const gaps = fc.array(
        fc.record({ gap: fc.integer({ min: 0, max: 60_000 }), path: fc.integer({ min: 1, max: 3 }) }),
        { maxLength: 80 },
      );
      fc.assert(
        fc.property(gaps, (steps) => {
          let atUs = seconds(1);
          const writes = steps.map(({ gap, path }) => ({ atUs: atUs += gap, path }));
          const { on } = run(room, writes, atUs + seconds(2));
          for (let each = 1; each <= 3; each++) {
            const sent = writes.flatMap(({ path }, write) => path === each ? [write] : []);
            const got = on.filter(({ path }) => path === each);
            assertEquals(got.at(-1)?.write, sent.at(-1));
            got.forEach(({ write, atUs }, at) => {
              const before = got[at - 1];
              const beforeThat = got[at - 2];
              assert(before === undefined || before.write < write);
              // Two may come close together, three may not.
              assert(beforeThat === undefined || atUs - beforeThat.atUs >= 33_333);
              const sentUs = writes[write]?.atUs ?? 0;
              assert(atUs - sentUs <= 400_000, `${atUs - sentUs} µs late`);
            });
          }
        }),
        { seed: 11, numRuns: 300 },
      );
    },
  },
  {
    name: "what is given up is not written afterwards, nor what a client that is gone wrote",
    check: (room) => {
      for (const how of ["release", "forget"] as const) {
        const gate = new room.WriteGate<number>();
        for (let at = 0; at < 4; at++) {
          gate.handleMessage(at, ONE);
          gate.handleWrite(at, ONE, P, at);
        }
        assert(gate.nextUs() < Infinity);
        if (how === "release") gate.handleRelease(ONE, P);
        else gate.forget(ONE);
        assertEquals(gate.nextUs(), Infinity);
        gate.handleTimeout(seconds(1));
        assertEquals(gate.pollWrite(), null);
      }
    },
  },
  {
    name: "one client's haste slows nobody else down",
    check: (room) => {
      const gate = new room.WriteGate<number>();
      for (let at = 0; at < 500; at++) {
        gate.handleMessage(at, ONE);
        gate.handleWrite(at, ONE, P, at);
      }
      gate.handleMessage(500, TWO);
      assertEquals(gate.handleWrite(500, TWO, P, 0), "now");
    },
  },
  {
    name: "a client whose writes are merged is told so, once a second",
    check: (room) => {
      const gate = new room.WriteGate<number>();
      let told = 0;
      let notices = 0;
      for (let at = 0; at < 3_000; at++) {
        const nowUs = at * 1_000;
        gate.handleTimeout(nowUs);
        while (gate.pollWrite() !== null);
        gate.handleMessage(nowUs, ONE);
        gate.handleWrite(nowUs, ONE, P, at);
        for (let notice = gate.pollNotice(nowUs); notice; notice = gate.pollNotice(nowUs)) {
          assertEquals(notice.client, ONE);
          told += notice.merged;
          notices++;
        }
      }
      assertEquals(notices, 3);
      gate.handleTimeout(seconds(10));
      told += gate.pollNotice(seconds(10))?.merged ?? 0;
      assertEquals(told, gate.counters.merged);
      assertEquals(gate.pollNotice(seconds(20)), null);
    },
  },
  {
    name: "so many paths of a client are watched and no more; idle ones make room",
    check: (room) => {
      const gate = new room.WriteGate<number>(10);
      const write = (nowUs: number, at: number) => {
        gate.handleMessage(nowUs, ONE);
        return gate.handleWrite(nowUs, ONE, path(at), 0);
      };
      for (let at = 0; at < 10; at++) assertEquals(write(0, at), "now");
      assertEquals(write(0, 10), "full");
      assertEquals(gate.counters.refusedFull, 1);
      assertEquals(write(seconds(1), 10), "now");
    },
  },
];
