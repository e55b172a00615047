// The whole pair as a state machine: commands in any order, against a model of what was accepted. A failure is shrunk to
// the few commands that matter. LANES_PLAYS sets how many plays (60), LANES_PLAY_SEED the first draw.

import { assert } from "@std/assert";
import fc from "fast-check";
import { CloseCode, type LaneId, LANES } from "../../lib/lanes/mod.ts";
import type { Condition } from "../support/lanes/conditions.ts";
import { START_US } from "../support/lanes/conditions.ts";
import { numberOf } from "../support/lanes/matrix.ts";
import { Broken, Pair } from "../support/lanes/pair.ts";
import { realPeer } from "../support/lanes/peers.ts";
import { type Workload } from "../support/lanes/workloads.ts";
import { describeFrames } from "../support/lanes/frames.ts";

const MILLISECOND = 1_000;

type Command =
  | {
    readonly do: "send";
    readonly side: 0 | 1;
    readonly lane: number;
    readonly bytes: number;
    readonly key: number;
    readonly ttlUs: number;
    readonly count: number;
  }
  | { readonly do: "advance"; readonly us: number }
  | {
    readonly do: "link";
    readonly side: 0 | 1;
    readonly loss: number;
    readonly delayUs: number;
    readonly again: number;
    readonly overtake: number;
    readonly flip: number;
  }
  | { readonly do: "cut"; readonly side: 0 | 1; readonly us: number }
  | { readonly do: "stall"; readonly side: 0 | 1; readonly us: number }
  | { readonly do: "rest"; readonly side: 0 | 1; readonly lane: number }
  | { readonly do: "read"; readonly side: 0 | 1; readonly lane: number }
  | { readonly do: "move" }
  | { readonly do: "close"; readonly side: 0 | 1 };

const IDS = [LANES.control.id, LANES.state.id, LANES.modulation.id, LANES.events.id, LANES.telemetry.id];
const side = fc.constantFrom<0 | 1>(0, 1);
const lane = fc.constantFrom<number>(...IDS);
const size = fc.oneof(
  { weight: 5, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.integer({ min: 1_100, max: 1_500 }) },
  { weight: 2, arbitrary: fc.nat(16_384) },
  { weight: 1, arbitrary: fc.nat(70_000) },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      ...{ do: fc.constant("send" as const), side, lane, bytes: size },
      key: fc.integer({ min: -1, max: 5 }),
      ttlUs: fc.constantFrom(0, 0, 0, 3 * MILLISECOND, 40 * MILLISECOND),
      count: fc.constantFrom(1, 1, 1, 3, 40),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("advance" as const), us: fc.nat(60 * MILLISECOND) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant("link" as const), side, loss: fc.constantFrom(0, 0, 0.05, 0.3) },
      delayUs: fc.constantFrom(0, 200, 5 * MILLISECOND, 40 * MILLISECOND),
      ...{
        again: fc.constantFrom(0, 0.3),
        overtake: fc.constantFrom(0, 0.3),
        flip: fc.constantFrom(0, 0.05),
      },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("cut" as const), side, us: fc.nat(1_500 * MILLISECOND) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("stall" as const), side, us: fc.nat(600 * MILLISECOND) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rest" as const), side, lane }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("read" as const), side, lane }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("move" as const) }) },
);

const SILENT: Workload = { id: "W1", title: "what the commands say", sources: [], lanes: [] };
const PLAIN: Condition = {
  ...{ id: "C1", title: "what the commands say", forward: { delayUs: 200 }, backward: { delayUs: 200 } },
  ...{ calmFromUs: START_US, roundTripUs: 400, readerRests: { fromUs: Infinity, toUs: Infinity } },
};

function play(commands: readonly Command[], seed: number, first: number): void {
  const pair = new Pair({
    ...{ condition: PLAIN, workload: SILENT, seed, makePeer: realPeer, keptPackets: 60 },
    ...{ firstPacketNumber: first, firstMessageNumber: first },
  });
  const log: string[] = [];
  let closed = false;
  try {
    pair.run(START_US);
    for (const each of commands) {
      log.push(`${pair.nowUs}: ${JSON.stringify(each)}`);
      if (each.do === "close") closed = true;
      obey(pair, each);
    }
    if (!closed) settle(pair);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
  }
  if (pair.findings.violationCount === 0) return;
  const found = pair.findings.violations.map(({ id, kind, saw }) => `${id} ${kind}: ${saw}`);
  throw new Error([...found, ...log, ...pair.trace.lines(describeFrames)].join("\n"));
}

function obey(pair: Pair, each: Command): void {
  switch (each.do) {
    case "send": {
      const keyed = each.lane === LANES.modulation.id;
      for (let i = 0; i < each.count; i++) {
        pair.send(each.side, each.lane as LaneId, each.bytes, {
          ...(keyed && each.key >= 0 ? { key: each.key } : {}),
          ...(each.ttlUs > 0 ? { ttlUs: each.ttlUs } : {}),
          report: true,
        }, i + 1 < each.count);
      }
      return;
    }
    case "advance":
      return pair.run(pair.nowUs + each.us);
    case "link": {
      const { loss, delayUs, again, overtake, flip } = each;
      return pair.links[each.side].change({
        ...{ loss, delayUs, corrupt: flip, duplicate: { share: again, lateUs: 300 * MILLISECOND } },
        reorder: { share: overtake, minUs: 100, maxUs: 8 * MILLISECOND },
      });
    }
    case "cut": {
      const link = pair.links[each.side];
      if ("cut" in link) link.cut({ fromUs: pair.nowUs, toUs: pair.nowUs + each.us });
      return;
    }
    case "stall": {
      const end = pair.ends[each.side];
      end.stalledUntilUs = Math.max(end.stalledUntilUs, pair.nowUs + each.us);
      return pair.events.add(pair.nowUs + each.us, () => end.resume(pair.nowUs));
    }
    case "rest":
    case "read":
      pair.peers[each.side].setReading?.(each.lane as LaneId, each.do === "read");
      return pair.ends[each.side].drain(pair.nowUs);
    case "move":
      pair.ends[0].addressChangesAtUs = Math.min(pair.ends[0].addressChangesAtUs, pair.nowUs);
      return;
    case "close": {
      const end = pair.ends[each.side];
      pair.peers[each.side].close(end.localAt(pair.nowUs), CloseCode.done, "");
      return end.drain(pair.nowUs);
    }
  }
}

/** Everything works again: whatever was accepted must come. */
function settle(pair: Pair): void {
  for (const side of [0, 1] as const) {
    pair.links[side].change({ delayUs: 200 });
    for (const id of IDS) pair.peers[side].setReading?.(id, true);
  }
  // Cuts and stalls last their time.
  const limitUs = pair.nowUs + 30_000 * MILLISECOND;
  for (const end of pair.ends) {
    pair.events.add(Math.max(pair.nowUs, end.stalledUntilUs), () => end.drain(pair.nowUs));
  }
  pair.run(limitUs, () => pair.isSettled() || pair.closed[0] !== null || pair.closed[1] !== null);
  for (const side of [0, 1] as const) {
    assert(pair.closed[side] === null, `${side} was closed: ${pair.closed[side]}`);
  }
  pair.run(pair.nowUs + 500 * MILLISECOND);
  for (const side of [0, 1] as const) {
    pair.models[side].finish(pair.nowUs, (id) => pair.peers[side].laneStats(id as LaneId));
  }
}

Deno.test("whatever is done to a pair, its lanes keep their promises once the link works", () => {
  fc.assert(
    fc.property(
      fc.array(command, { minLength: 1, maxLength: 60, size: "max" }),
      fc.nat(1_000_000),
      fc.constantFrom(0, 2 ** 32 - 10, 65_530),
      play,
    ),
    {
      numRuns: numberOf("LANES_PLAYS", 60),
      seed: numberOf("LANES_PLAY_SEED", 20_251_120),
      endOnFailure: false,
    },
  );
});

Deno.test("an end that closes at any moment frees itself and tells the other", () => {
  fc.assert(
    fc.property(
      fc.array(command, { minLength: 1, maxLength: 25 }),
      fc.nat(1_000_000),
      side,
      (commands, seed, closer) => {
        const pair = new Pair({ ...{ condition: PLAIN, workload: SILENT, seed, makePeer: realPeer } });
        pair.run(START_US);
        for (const each of commands) obey(pair, each);
        for (const side of [0, 1] as const) pair.links[side].change({ delayUs: 200 });
        const quietUs = Math.max(...pair.ends.map((end) => end.stalledUntilUs), pair.nowUs) +
          1_600 * MILLISECOND;
        pair.run(quietUs);
        if (pair.closed[0] !== null || pair.closed[1] !== null) {
          throw new Error(
            `closed early: ${pair.closed}`,
          );
        }
        obey(pair, { do: "close", side: closer });
        pair.run(pair.nowUs + 7_000 * MILLISECOND);
        assert(pair.closed[closer === 0 ? 1 : 0] !== null, "the other was not told");
        for (const end of pair.ends) {
          assert(
            end.wakeAtUs === Infinity,
            `${end.name} still waits for its timer`,
          );
        }
        const { violations } = pair.findings;
        assert(violations.length === 0, JSON.stringify(violations));
      },
    ),
    { numRuns: numberOf("LANES_PLAYS", 60) / 2, seed: numberOf("LANES_PLAY_SEED", 20_251_120) },
  );
});
