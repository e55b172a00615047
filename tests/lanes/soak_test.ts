// A connection that lives long through anything: the link is another one four times a second, loads come and go, and
// after each stretch everything has arrived and nothing is left behind (C20 and I24 of research 5).
// LANES_SOAK_MINUTES sets how many simulated minutes (3); a simulated hour takes about a minute.

import { assert, assertEquals } from "@std/assert";
import { LANES } from "../../lib/lanes/mod.ts";
import { conditionOf } from "../support/lanes/conditions.ts";
import { numberOf } from "../support/lanes/matrix.ts";
import { Draws } from "../support/lanes/random.ts";
import {
  assertSound,
  connectionOf,
  MILLISECOND,
  plainCondition,
  quietPair,
  SECOND,
} from "../support/lanes/quiet.ts";

const { control, state, events, modulation, telemetry } = LANES;

Deno.test("a connection lives through minutes of anything, and each calm finds it as it was", () => {
  const seed = numberOf("LANES_FIRST_SEED", 1);
  const pair = quietPair({ delayUs: MILLISECOND }, {
    ...{ seed, condition: plainCondition({ delayUs: MILLISECOND }), keptPackets: 60 },
    ...{ firstPacketNumber: 2 ** 32 - 2_000, firstMessageNumber: 2 ** 32 - 500 },
  });
  const draws = new Draws(seed, "soak");
  const stretches = Math.ceil(numberOf("LANES_SOAK_MINUTES", 3) * 6);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const walk = conditionOf("C20", seed * 10_000 + stretch);
    const weather = [{ forward: walk.forward, backward: walk.backward }, ...walk.changes ?? []];
    for (let step = 0; step < 24; step++) {
      const spec = weather[step % weather.length];
      for (const side of [0, 1] as const) {
        pair.links[side].change((side === 0 ? spec?.forward : spec?.backward) ?? {});
        if (draws.happens(0.05)) pair.links[side].change({ loss: 1 });
      }
      for (let i = 0; i < 25; i++) {
        for (const side of [0, 1] as const) {
          pair.send(side, modulation.id, 24, { key: draws.below(40), ttlUs: 100 * MILLISECOND }, true);
          if (draws.happens(0.3)) pair.send(side, events.id, draws.below(200), { report: true }, true);
          if (draws.happens(0.05)) pair.send(side, state.id, draws.below(9_000), {}, true);
          if (draws.happens(0.05)) pair.send(side, telemetry.id, draws.below(4_000), {}, true);
          if (draws.happens(0.02)) {
            pair.send(side, control.id, 100, { ttlUs: 30 * MILLISECOND, report: true }, true);
          }
          pair.ends[side].drain(pair.nowUs);
        }
        pair.run(pair.nowUs + 10 * MILLISECOND);
      }
    }
    for (const side of [0, 1] as const) pair.links[side].change({ delayUs: MILLISECOND });
    pair.run(pair.nowUs + 20 * SECOND, () => pair.isSettled());
    pair.run(pair.nowUs + 3 * SECOND);
    assertEquals(pair.closed, [null, null], `stretch ${stretch}`);
    for (const side of [0, 1] as const) {
      pair.models[side].finish(
        pair.nowUs,
        (id) => pair.peers[side].laneStats(pair.models[side].lane(id).lane.id),
      );
    }
    assertSound(pair);
    for (const side of [0, 1] as const) {
      const connection = connectionOf(pair, side);
      assert(connection.isIdle, `stretch ${stretch}: side ${side} is not idle`);
      // A keepalive may be on its way.
      assert(connection.stats().inFlightBytes < 200, `${connection.stats().inFlightBytes} B in flight`);
      pair.models[side].forget();
    }
    pair.ends.forEach((end) => end.forget());
  }
});
